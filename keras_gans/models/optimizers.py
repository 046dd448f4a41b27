"""What is asked of the optimizers of all roles together."""


def constant_rates(optimizers):
    """Returns a dict of the learning rates that are numbers and not schedules.

    `optimizers` is a dict of optimizers; the keys are kept.
    """
    rates = {}
    for role, optimizer in optimizers.items():
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # Of loss scaling.
        rate = optimizer.get_config()["learning_rate"]
        if not isinstance(rate, dict):
            rates[role] = float(rate)
    return rates
