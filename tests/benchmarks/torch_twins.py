"""The networks and training steps of `train_step.py` in PyTorch.

The networks have the convolutions, normalizations and parameters of the presets'. The
steps are written as those of the papers' authors: a discriminator is frozen while the
generator learns, and sees the fakes again, detached, for its own loss. CycleGAN's image
pool, which costs next to nothing, is left out.
"""

import functools
import itertools

import torch
from torch import nn
from torch.nn import functional


def training_step(case, batch_size, size, channels, flags=()):
    """Returns a function that makes a step on random images and returns a loss.

    Args:
        case: Key of `NETWORKS`.
        batch_size: Positive integer.
        size: Height and width of the images.
        channels: Tuple of integers, the channels of each batch of images.
        flags: Of "last" (the memory layout), "bfloat16" (autocast) and "compile".
    """
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    is_last = "last" in flags
    layout = torch.channels_last if is_last else torch.contiguous_format
    place = {"device": device, "memory_format": layout}
    networks = [network.to(**place) for network in NETWORKS[case](size, width=64)]
    shapes = [(batch_size, depth, size, size) for depth in channels]
    images = [(2 * torch.rand(shape) - 1).to(**place) for shape in shapes]
    options = {"dtype": torch.bfloat16, "enabled": "bfloat16" in flags}
    compiled = torch.compile if "compile" in flags else lambda function: function

    def computed(function):
        """Wraps what computes a loss: autocast, compiled if that is asked for."""
        return compiled(torch.autocast(device.type, **options)(function))

    return STEPS[case](networks, images, computed)


# Networks --------------------------------------------------------------------------

UP = nn.ConvTranspose2d
RELU, LEAKY, LAB_LEAKY = nn.ReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(0.05)


def block(*shape, norm=None, activation=None, kind=nn.Conv2d):
    """Returns the layers of a convolution: `shape` is (in, out, size, stride, pad)."""
    layers = [kind(*shape, bias=norm is None)]
    layers += [norm(shape[1])] if norm else []
    return layers + ([activation] if activation else [])


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Noise(nn.Module):
    def forward(self, x):
        return x + 0.3 * torch.randn_like(x)


class UNet(nn.Module):
    def __init__(self, downs, ups):
        super().__init__()
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.ups[:-1]:
            x = torch.cat([up(x), skips.pop()], 1)
        return self.ups[-1](x)


def digit_generator(inputs, outputs, width):
    normal = functools.partial(block, norm=nn.BatchNorm2d, activation=LAB_LEAKY)
    layers = [*normal(inputs, width, 4, 2, 1), *normal(width, 2 * width, 4, 2, 1)]
    for _ in range(2):
        shape = 2 * width, 2 * width, 3, 1, 1
        layers.append(Residual(*normal(*shape), *normal(*shape, activation=None)))
    layers += normal(2 * width, width, 4, 2, 1, kind=UP)
    return nn.Sequential(*layers, *block(width, outputs, 4, 2, 1, kind=UP), nn.Tanh())


def digit_discriminator(channels, width):
    normal = functools.partial(block, norm=nn.BatchNorm2d, activation=LAB_LEAKY)
    layers = [Noise(), *block(channels, width, 4, 2, 1, activation=LAB_LEAKY)]
    for filters in (width, 2 * width):
        layers += normal(filters, 2 * filters, 4, 2, 1)
    return nn.Sequential(*layers, *block(4 * width, 1, 4, 1), nn.Flatten())


def resnet_generator(width):
    normal = functools.partial(block, norm=nn.InstanceNorm2d, activation=RELU)
    layers = [nn.ReflectionPad2d(3), *normal(3, width, 7)]
    for filters in (width, 2 * width):
        layers += normal(filters, 2 * filters, 3, 2, 1)
    for _ in range(6):
        shape, pad = (4 * width, 4 * width, 3), nn.ReflectionPad2d(1)
        last = normal(*shape, activation=None)
        layers.append(Residual(pad, *normal(*shape), pad, *last))
    for filters in (2 * width, width):
        layers += normal(2 * filters, filters, 3, 2, 1, 1, kind=UP)
    last = block(width, 3, 7, activation=nn.Tanh())
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), *last)


def patch_discriminator(channels, width, norm):
    layers = block(channels, width, 4, 2, 1, activation=LEAKY)
    for factor, stride in ((1, 2), (2, 2), (4, 1)):
        shape = factor * width, 2 * factor * width, 4, stride, 1
        layers += block(*shape, norm=norm, activation=LEAKY)
    return nn.Sequential(*layers, *block(8 * width, 1, 4, 1, 1))


def unet_generator(size, width):
    depth, norm = size.bit_length() - 1, nn.BatchNorm2d
    widths = [min(width * 2**level, 8 * width) for level in range(depth)]
    downs, ups = [], []
    for level, shape in enumerate(itertools.pairwise([3, *widths])):
        down_norm = None if level in (0, depth - 1) else norm
        layers = block(*shape, 4, 2, 1, norm=down_norm, activation=LEAKY)
        downs.append(nn.Sequential(*layers))
    inputs = widths[-1]
    for index, outputs in enumerate(reversed(widths[:-1])):
        layers = block(inputs, outputs, 4, 2, 1, norm=norm, kind=UP)
        dropout = [nn.Dropout(0.5)] if index < 3 else []
        ups.append(nn.Sequential(*layers, *dropout, RELU))
        inputs = 2 * outputs
    ups.append(nn.Sequential(*block(inputs, 3, 4, 2, 1, kind=UP), nn.Tanh()))
    return UNet(downs, ups)


def dcgan_generator(width):
    layers = [nn.Linear(64, 64 * width, bias=False), nn.Unflatten(1, (4 * width, 4, 4))]
    layers += [nn.BatchNorm2d(4 * width), RELU]
    for filters in (2 * width, width):
        shape = 2 * filters, filters, 4, 2, 1
        layers += block(*shape, norm=nn.BatchNorm2d, activation=RELU, kind=UP)
    return nn.Sequential(*layers, *block(width, 1, 4, 2, 1, kind=UP), nn.Tanh())


def critic(width):
    layers = []
    for shape in itertools.pairwise([1, width, 2 * width, 4 * width]):
        layers += block(*shape, 4, 2, 1, activation=LEAKY)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * width, 1))


# By case, in the order of the model's `network_names`.
NETWORKS = {
    "lab": lambda size, width: [
        *(digit_generator(*channels, width) for channels in ((1, 3), (3, 1))),
        *(digit_discriminator(channels, width) for channels in (1, 3)),
    ],
    "resnet": lambda size, width: [
        *(resnet_generator(width) for _ in range(2)),
        *(patch_discriminator(3, width, nn.InstanceNorm2d) for _ in range(2)),
    ],
    "pix2pix": lambda size, width: [
        unet_generator(size, width),
        patch_discriminator(6, width, nn.BatchNorm2d),
    ],
    "wgan_gp": lambda size, width: [dcgan_generator(width), critic(width)],
}


# Steps -----------------------------------------------------------------------------


def cross_entropy(logits, label):
    labels = torch.full_like(logits, label)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def least_squares(outputs, label):
    return ((outputs - label) ** 2).mean()


def adam(*networks, rate=2e-4, betas=(0.5, 0.999)):
    return torch.optim.Adam(nn.ModuleList(networks).parameters(), rate, betas)


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def cyclegan_step(networks, images, computed, adversarial, cycle_weight):
    (xy, yx, judge_x, judge_y), (x, y) = networks, images
    judges = nn.ModuleList([judge_x, judge_y])
    optimizers = adam(xy, yx), adam(judges)
    distance = functional.l1_loss

    @computed
    def generator_loss():
        fake_y, fake_x = xy(x), yx(y)
        cycle = distance(yx(fake_y), x) + distance(xy(fake_x), y)
        deception = adversarial(judge_y(fake_y), 1.0) + adversarial(
            judge_x(fake_x), 1.0
        )
        return deception + cycle_weight * cycle, fake_x, fake_y

    @computed
    def discriminator_loss(judge, real, fake):
        return 0.5 * (adversarial(judge(real), 1.0) + adversarial(judge(fake), 0.0))

    def step():
        judges.requires_grad_(False)
        loss, fake_x, fake_y = generator_loss()
        update(optimizers[0], loss)
        judges.requires_grad_(True)
        loss_x = discriminator_loss(judge_x, x, fake_x.detach())
        update(optimizers[1], loss_x + discriminator_loss(judge_y, y, fake_y.detach()))
        return loss

    return step


def pix2pix_step(networks, images, computed):
    (generator, judge), (x, y) = networks, images
    optimizers = adam(generator), adam(judge)
    translate = computed(lambda: generator(x))

    @computed
    def adversarial(images, label):
        return cross_entropy(judge(torch.cat([x, images], 1)), label)

    def step():
        fake = translate()
        judge.requires_grad_(True)
        loss = adversarial(fake.detach(), 0.0) + adversarial(y, 1.0)
        update(optimizers[1], 0.5 * loss)
        judge.requires_grad_(False)
        loss = adversarial(fake, 1.0) + 100 * functional.l1_loss(fake, y)
        update(optimizers[0], loss)
        return loss

    return step


def critic_step(networks, images, computed):
    (generator, judge), (x,) = networks, images
    optimizer = adam(judge, rate=5e-4, betas=(0.0, 0.9))

    @computed
    def critic_loss(latent, alpha):
        with torch.no_grad():
            fake = generator(latent)
        points = (x + alpha * (fake - x)).requires_grad_()
        output = judge(points).sum()
        (gradient,) = torch.autograd.grad(output, points, create_graph=True)
        penalty = ((gradient.flatten(1).norm(2, 1) - 1) ** 2).mean()
        return judge(fake).mean() - judge(x).mean() + 10 * penalty

    def step():
        latent = torch.randn(len(x), 64, device=x.device)
        alpha = torch.rand(len(x), 1, 1, 1, device=x.device)
        loss = critic_loss(latent, alpha)
        update(optimizer, loss)
        return loss

    return step


STEPS = {
    "lab": functools.partial(cyclegan_step, adversarial=cross_entropy, cycle_weight=5),
    "resnet": functools.partial(
        cyclegan_step, adversarial=least_squares, cycle_weight=10
    ),
    "pix2pix": pix2pix_step,
    "wgan_gp": critic_step,
}
