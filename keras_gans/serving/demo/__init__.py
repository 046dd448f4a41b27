"""A page in the browser on which exported models are tried out.

`abilities` calls the models and knows no page; `components` are what the page consists
of; `tabs` lays out what each kind of model can do; `page` puts them together and serves
them.
"""
