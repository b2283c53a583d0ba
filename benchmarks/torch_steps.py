"""The train steps of SNGAN, StyleGAN, StarGAN and an augmented ResNet-50 in PyTorch, as fast as PyTorch users write them.

One call of a step is one call of `train_step` in Keras: the same losses, updates and averaged weights. The discriminator's
kernels are normalised once for all passes of an update, the generator is not differentiated in the discriminator's update
nor the discriminator in the generator's, Adam is the fused one, and averages are updated by one operation for all weights.
Nothing here needs TensorFlow.
"""

import contextlib
import copy
import itertools

import torch
import torch_networks as networks
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def build(name, image_shape, classes, width, **options):
    """The step of this name, of networks of this size."""
    return STEPS[name](image_shape, classes, width, **options)


class Step:
    """One training step.

    Args:
        image_shape: (height, width, channels).
        classes: Number of classes.
        width: Channels of the networks at full resolution.
        precision: "float32" or "bfloat16", the latter by autocast. Defaults to "float32".
        channels_last: Whether channels are the last axis in memory. Defaults to False.
        compiled: Whether the losses are compiled by `torch.compile`. Defaults to False.
        device: "cpu" or "cuda". Defaults to "cpu".

    Call arguments:
        images: uint8 (batch, height, width, channels).
        labels: int64 (batch,).

    Returns the losses, a tuple of tensors.
    """

    def __init__(
        self,
        image_shape,
        classes,
        width,
        precision="float32",
        channels_last=False,
        compiled=False,
        device="cpu",
    ):
        self.image_shape, self.classes, self.width, self.device = image_shape, classes, width, device
        self.precision, self.channels_last, self.number = precision, channels_last, 0
        self.given = None  # draws of the losses to come, in a test
        self.make()
        self.compiled = torch.compile if compiled else lambda function: function

    def placed(self, network):
        network = network.to(self.device)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def pixels(self, images):
        x = images.permute(0, 3, 1, 2)  # channels are the last axis in memory
        return x if self.channels_last else x.contiguous()

    def autocast(self):
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, torch.bfloat16)

    def draws(self, *drawn):
        return drawn if self.given is None else next(self.given)

    def normal(self, *shape):
        return torch.randn(shape, device=self.device)


class GANStep(Step):
    """The step of a GAN: the discriminator, the generator, the averaged generator."""

    latent_dim, adams, r1_interval = 128, ((2e-4, 0.0, 0.9), (2e-4, 0.0, 0.9)), None

    def make(self):
        arguments = (self.image_shape, self.classes)
        self.generator = self.placed(self.generator_class(*arguments, latent_dim=self.latent_dim, width=self.width))
        self.discriminator = self.placed(self.discriminator_class(*arguments, width=self.width))
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        pairs = [zip(getattr(self.average, part)(), getattr(self.generator, part)()) for part in ("parameters", "buffers")]
        self.averages = [*zip(*itertools.chain(*pairs))]
        self.d_adam, self.g_adam = (
            torch.optim.Adam(network.parameters(), rate, betas=betas, eps=1e-7, fused=True)
            for network, (rate, *betas) in zip((self.discriminator, self.generator), self.adams)
        )
        self.losses = None

    def compile_losses(self):
        self.losses = {"d": self.compiled(self.d_loss), "g": self.compiled(self.g_loss)}
        if self.r1_interval:
            self.losses["r1"] = self.d_loss_with_r1  # PyTorch compiles no gradient of a gradient

    def __call__(self, images, labels):
        if self.losses is None:
            self.compile_losses()
        images = self.pixels(images).float() * (2 / 255) - 1
        self.discriminator.requires_grad_(True)
        kind = "r1" if self.r1_interval and self.number % self.r1_interval == 0 else "d"
        self.before_d_update()
        d_loss = self.update(kind, self.d_adam, images, labels, *self.draws(*self.d_draws(labels)))
        self.discriminator.requires_grad_(False)
        g_loss = self.update("g", self.g_adam, images, labels, *self.draws(*self.g_draws(labels)))
        decay = min(0.999, (1 + self.number) / (10 + self.number))
        torch._foreach_lerp_(*self.averages, 1 - decay)
        self.number += 1
        return d_loss, g_loss

    def update(self, kind, adam, images, labels, *drawn):
        with self.autocast():
            loss = self.losses[kind](images, labels, *drawn)
        loss.backward()
        adam.step()
        adam.zero_grad()
        return loss.detach()

    def before_d_update(self):
        """Called before each update of the discriminator."""

    def g_draws(self, labels):
        return self.d_draws(labels)


class SNGANStep(GANStep):
    generator_class, discriminator_class = networks.SNGANGenerator, networks.SNGANDiscriminator

    def before_d_update(self):
        self.discriminator.power_iteration()

    def d_draws(self, labels):
        return (self.normal(len(labels), self.latent_dim),)

    def d_loss(self, images, labels, latents):
        with torch.no_grad():
            fakes = self.generator(latents, labels)
        kernels = self.discriminator.kernels()
        real, fake = (self.discriminator(each, labels, kernels) for each in (images, fakes))
        return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()

    def g_loss(self, images, labels, latents):
        return -self.discriminator(self.generator(latents, labels), labels, self.discriminator.kernels()).mean()


class StyleGANStep(GANStep):
    generator_class, discriminator_class = networks.StyleGANGenerator, networks.StyleGANDiscriminator
    adams, r1_interval, r1_weight = ((1e-3, 0.0, 0.99), (1e-3, 0.0, 0.99)), 16, 10.0

    def __call__(self, images, labels):
        order = networks.class_groups(labels)
        return super().__call__(images[order], labels[order])

    def d_draws(self, labels):
        """Latents of two styles, the layer from which on the second is used, and noise."""
        batch, layers = len(labels), 2 * self.generator.levels
        crossover = torch.randint(1, layers, [batch], device=self.device)
        crossover = torch.where(torch.rand(batch, device=self.device) < 0.9, crossover, layers)
        latents = [self.normal(batch, self.latent_dim) for _ in range(2)]
        return (*latents, crossover, [self.normal(*shape) for shape in self.generator.noise_shapes(batch)])

    def fakes(self, labels, first, second, crossover, noise):
        first, second = (self.generator.mapping(each, labels)[:, None] for each in (first, second))
        layers = torch.arange(2 * self.generator.levels, device=labels.device)
        return self.generator.synthesis(torch.where(layers[None, :, None] < crossover[:, None, None], first, second), noise)

    def d_loss(self, images, labels, *drawn):
        with torch.no_grad():
            fakes = self.fakes(labels, *drawn)
        real, fake = self.discriminator(images, labels), self.discriminator(fakes, labels)
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def d_loss_with_r1(self, images, labels, *drawn):
        with torch.no_grad():
            fakes = self.fakes(labels, *drawn)
        images = images.requires_grad_(True)
        real, fake = self.discriminator(images, labels), self.discriminator(fakes, labels)
        [gradient] = torch.autograd.grad(real.sum(), images, create_graph=True)
        penalty = 0.5 * gradient.square().sum((1, 2, 3)).mean()
        loss = functional.softplus(-real).mean() + functional.softplus(fake).mean()
        return loss + self.r1_interval * self.r1_weight * penalty

    def g_loss(self, images, labels, *drawn):
        return functional.softplus(-self.discriminator(self.fakes(labels, *drawn), labels)).mean()


class StarGANStep(GANStep):
    generator_class, discriminator_class = networks.StarGANGenerator, networks.StarGANDiscriminator
    latent_dim, adams = 8, ((1e-3, 0.5, 0.99), (5e-4, 0.5, 0.99))

    def before_d_update(self):
        self.discriminator.power_iteration()

    def d_draws(self, labels):
        domains = labels[torch.randperm(len(labels), device=self.device)]
        return domains, self.normal(len(labels), self.latent_dim)

    def g_draws(self, labels):
        return *self.d_draws(labels), *(self.normal(len(labels), self.latent_dim) for _ in range(2))

    def d_loss(self, images, labels, domains, latents):
        with torch.no_grad():
            fakes = self.generator(images, latents, domains)
        kernels = self.discriminator.kernels()
        real, fake = self.discriminator(images, labels, kernels), self.discriminator(fakes, domains, kernels)
        return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()

    def g_loss(self, images, labels, domains, latents, back_latents, same_latents):
        fakes = self.generator(images, latents, domains)
        loss = -self.discriminator(fakes, domains, self.discriminator.kernels()).mean()
        cycle = (images - self.generator(fakes, back_latents, labels)).abs().mean()
        return loss + 4 * cycle + (images - self.generator(images, same_latents, labels)).abs().mean()


class ClassifierStep(Step):
    """The step of a ResNet-50 with stochastic gradient descent. `width` has no meaning."""

    def make(self):
        self.network = self.placed(networks.ResNet50(self.image_shape[-1], self.classes))
        fused = {"fused": True}
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.01, momentum=0.9, **fused)
        self.compiled_loss = None

    def loss(self, images, labels):
        return functional.cross_entropy(self.network(images), labels)

    def augmented(self, images, labels):
        return images

    def __call__(self, images, labels):
        if self.compiled_loss is None:
            self.compiled_loss = self.compiled(self.loss)
        images = self.augmented(self.pixels(images).float(), labels) / 255
        with self.autocast():
            loss = self.compiled_loss(images, labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return (loss.detach(),)


class AugmentedStep(ClassifierStep):
    """The same with a quarter of the images replaced by samples of an SNGAN with their labels."""

    fraction, gan_width = 0.25, 32

    def make(self):
        super().make()
        generator = networks.SNGANGenerator(self.image_shape, self.classes, width=self.gan_width)
        self.generator = self.placed(generator.eval().requires_grad_(False))
        self.compiled_generator = None

    def augmented(self, images, labels):
        if self.compiled_generator is None:
            self.compiled_generator = self.compiled(self.generator)
        number = round(self.fraction * len(images))
        rows = torch.randperm(len(images), device=self.device)[:number]
        with torch.no_grad(), self.autocast():
            made = self.compiled_generator(self.normal(number, 128), labels[rows])
        return images.index_copy(0, rows, (made + 1) * 127.5)


STEPS = {
    "SNGAN": SNGANStep,
    "StyleGAN": StyleGANStep,
    "StarGAN": StarGANStep,
    "ResNet-50": ClassifierStep,
    "augmented ResNet-50": AugmentedStep,
}


class FlopCounter(TorchDispatchMode):
    """Adds up the floating-point operations of what runs within, by the formulas of `torch.utils.flop_counter`.

    (PyTorch's own `FlopCounterMode` fails for modules that are called without gradients.)
    """

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        outputs = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=outputs)
        return outputs


def flops(step, images, labels):
    """Floating-point operations of matrix products and convolutions in one call of a step, as PyTorch counts them.

    With a lazy penalty it is the mean of the calls of an interval.
    """

    def counted():
        with FlopCounter() as counter:
            step(images, labels)
        return counter.total

    interval = getattr(step, "r1_interval", None) or 1
    first = counted()
    return (first + (interval - 1) * counted()) / interval if interval > 1 else first


def parameters(step):
    """The number of weights that a step trains."""
    trained = [each for each in vars(step).values() if isinstance(each, nn.Module)]
    trained = [each for each in trained if each is not getattr(step, "average", None)]
    return sum(weight.numel() for each in trained for weight in each.parameters())
