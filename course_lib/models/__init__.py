"""One file a paper, from Fukushima on."""

from course_lib.models.alexnet import alexnet, alexnet_2012
from course_lib.models.anatomy import Row, count_parameters, table, walk
from course_lib.models.cifar_resnet import cifar_plain, cifar_resnet
from course_lib.models.densenet import densenet121, densenet169, densenet201
from course_lib.models.efficientnet_lite import efficientnet_lite0
from course_lib.models.googlenet import googlenet, googlenet_2014
from course_lib.models.inception_v4 import InceptionA, InceptionResNetA
from course_lib.models.lenet import LeNet5, LeNet5Paper
from course_lib.models.mlp import MLP
from course_lib.models.mobilenet_v2 import mobilenet_v2
from course_lib.models.neocognitron import CCells, SCells
from course_lib.models.perceptron import Perceptron
from course_lib.models.registry import BUILDERS, build
from course_lib.models.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
)
from course_lib.models.vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from course_lib.models.weights import load_weights

__all__ = [
    "BUILDERS",
    "MLP",
    "CCells",
    "InceptionA",
    "InceptionResNetA",
    "LeNet5",
    "LeNet5Paper",
    "Perceptron",
    "Row",
    "SCells",
    "alexnet",
    "alexnet_2012",
    "build",
    "cifar_plain",
    "cifar_resnet",
    "count_parameters",
    "densenet121",
    "densenet169",
    "densenet201",
    "efficientnet_lite0",
    "googlenet",
    "googlenet_2014",
    "load_weights",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "table",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "walk",
]
