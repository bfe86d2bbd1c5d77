"""The pages of the diagnostic codes, which `cnnc explain CODE` and `docs/errors.md` print.

`PAGES` is Markdown. A page begins with `## CODE title`. Its examples are whole
files: a block marked `wrong` must give exactly that code, a block marked `right`
none; a test compiles them all. `file=NAME` marks a file that the others use.

    python -m cnndsl.codes > docs/errors.md
"""

from __future__ import annotations

import sys

from .record import Record

PAGES = """\
## E0101 a word or sign that cannot stand here

The text stops making sense at the marked place. The message says what may stand
there instead. Often the cause is a little to the left: a comma too many, a missing
operator, a statement that goes on in the next line outside of parentheses.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3,, 64
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0102 a bracket that is never closed, or closes nothing

Every `(`, `[` and `{` needs its partner. Where a whole block lost its brace, the
indentation tells where it was probably meant to end.

```cnn wrong
model net {
  input 32x32x3
  concat {
    | conv 1x1, 64
    | conv 3x3, 64
  globalavgpool
}
```

```cnn right
model net {
  input 32x32x3
  concat {
    | conv 1x1, 64
    | conv 3x3, 64
  }
  globalavgpool
}
```

## E0103 a character that means nothing here

Texts copied from papers and web pages carry characters that look like others:
typographic quotes, the minus sign `−`, full-width brackets. The language has
`×`, `→`, `⇒`, `≥` and `≤`, which may also be written `x`, `->`, `=>`, `>=` and `<=`.

```cnn wrong
model net {
  source “He et al., 2015”
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
model net {
  source "He et al., 2015"
  input 32x32x3
  conv 3x3, 64
}
```

## E0104 a number that is written wrongly

Numbers are `64`, `25_557_032`, `0.5`, `1e-5`, `40%` and `4.09G`. A digit stands
before and after the point, and whole numbers do not begin with a zero.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 64
  dropout .5
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
  dropout 0.5
}
```

## E0105 a string that is never closed

A string stands in straight double quotes and ends on its own line.

```cnn wrong
model net {
  source "He et al., 2015
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
model net {
  source "He et al., 2015"
  input 32x32x3
  conv 3x3, 64
}
```

## E0106 a reserved word as a name

Words that begin statements and words of expressions (`input`, `from`, `if`, `in`, ...)
cannot name blocks, models, parameters or variables. An underscore is enough to
make another word of it.

```cnn wrong
block from(n) { conv 3x3, n }
model net {
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
block from_(n) { conv 3x3, n }
model net {
  input 32x32x3
  from_(64)
}
```

## E0107 bytes that are no text

A spec is UTF-8 text. Control characters, zero-width characters and those that
change the direction of writing are refused as well: they would make a text that
reads one way and means another. The message has the position and the character.

## E0108 two statements, or two arguments, without a separator

A statement ends with its line or with `;`, arguments are separated by commas.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3 64
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0109 the syntax of another language

The meaning is clear but belongs to Python, YAML, C or Prototxt. The message has the
equivalent.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 64  // the stem
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64  # the stem
}
```

## E0201 an operator or block that does not exist

Operators have the short names of papers: `cnnc ops` lists them. A block must be
defined in the file, or come in by `use`; the standard library by `use std`.

```cnn wrong
model net {
  input 32x32x3
  Conv2d 3x3, 64
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0202 a name that means nothing here

A name is a parameter of the block or model, a `let`, a variable of a `for`, or the
label of an earlier statement. Labels are known in the model or block that has them,
from their statement on.

```cnn wrong
model net(width = 64) {
  input 32x32x3
  conv 3x3, widht
}
```

```cnn right
model net(width = 64) {
  input 32x32x3
  conv 3x3, width
}
```

## E0203 an argument that the callee does not have

An argument that nobody asked for is never ignored: it is most often a misspelt one,
and the network would silently be another.

```cnn wrong
model net {
  input 32x32x3
  maxpool 2x2/2, padding=1
}
```

```cnn right
model net {
  input 32x32x3
  maxpool 2x2/2, pad=1
}
```

## E0204 a missing argument

Arguments without a default must be given. `cnnc ops WORD` has the signature of an
operator; for a block it stands where the block is defined.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0205 an argument too many

More values than the callee takes, or one argument twice.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 64, 2
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3/2, 64
}
```

## E0206 a value of the wrong kind

The message says what is expected and what was found. Sizes of kernels are windows
(`3x3`, or `3x3/2` with a stride), not numbers.

```cnn wrong
model net {
  input 32x32x3
  conv 3, 64
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0207 a value out of range

The kind of the value is right, but it lies outside of what makes sense: a stride
of 0, no channels, a dropout of 100 %, the fifth element of a list of four.

```cnn wrong
model net {
  input 32x32x3
  dropout 150%
}
```

```cnn right
model net {
  input 32x32x3
  dropout 15%
}
```

## E0208 one name for two things

Blocks, models, dialects and `let` items of a file share one set of names. Labels of
a model or block are a set of their own.

```cnn wrong
block unit(n) { conv 3x3, n, relu }
block unit(n) { conv 1x1, n, relu }
model net {
  input 32x32x3
  unit(64)
}
```

```cnn right
block unit(n) { conv 3x3, n, relu }
block small_unit(n) { conv 1x1, n, relu }
model net {
  input 32x32x3
  unit(64)
  small_unit(64)
}
```

## E0209 the wrong number of values

Most operators read one value. After `split`, or where several branches were named by
`from a, b`, several values flow; they have to be joined or chosen from.

```cnn wrong
model net {
  input 32x32x4
  split 2
  conv 3x3, 8
}
```

```cnn right
model net {
  input 32x32x4
  a, b: split 2
  from a
  conv 3x3, 8
  concat(identity, b)
}
```

## E0210 nothing to share

`share` repeats a layer, or the call of a block, with its weights. It takes the label
of an operator or of a call that came earlier.

```cnn wrong
model net {
  left: input 32x32x3
  right: input 32x32x3
  share left
}
```

```cnn right
model net {
  left: input 32x32x3
  right: input 32x32x3
  from left
  a: conv 3x3, 64
  from right
  b: share a
  add(a, b)
}
```

## E0301 values of different shapes are added or multiplied

`add`, `sub`, `mul` and `residual` work element by element, so their inputs have equal height,
width and channels. (`mul` alone lets a 1x1 map scale the channels of a larger one.)
The usual cause is a shortcut that kept its shape while the main path got a stride or
more channels: give the shortcut a 1x1 convolution with the same stride and channels.

```cnn wrong
model net {
  input 56x56x64
  add {
    | conv 3x3/2, 128, bn, relu
      conv 3x3, 128, bn
    | identity
  }
}
```

```cnn right
model net {
  input 56x56x64
  add {
    | conv 3x3/2, 128, bn, relu
      conv 3x3, 128, bn
    | conv 1x1/2, 128, bn
  }
}
```

## E0302 values of different sizes are concatenated

`concat` joins channels, so heights and widths must agree. Look at the paddings and
strides of the branches: convolutions pad by half their size, pools do not pad unless
they are told to.

```cnn wrong
model net {
  input 28x28x192
  concat {
    | conv 1x1, 64
    | maxpool 3x3/1; conv 1x1, 32
  }
}
```

```cnn right
model net {
  input 28x28x192
  concat {
    | conv 1x1, 64
    | maxpool 3x3/1, pad=1; conv 1x1, 32
  }
}
```

## E0303 a window that is larger than its input

After all strides the map has become smaller than the kernel, even with its padding.
Start from a larger input, use fewer strides, or pool over whatever is left with
`globalavgpool`.

```cnn wrong
model net {
  input 16x16x3
  conv 3x3/2, 64
  conv 3x3/2, 128
  avgpool 7x7
}
```

```cnn right
model net {
  input 16x16x3
  conv 3x3/2, 64
  conv 3x3/2, 128
  globalavgpool
}
```

## E0304 a size that is no whole number

A division of whole numbers must be exact: half a channel does not exist, and rounding
without a word is how published networks and their code come to differ. Say which way
to round with `floor`, `ceil`, `round` or `round_to`. The same code is given where
`rounding=strict` meets a window that does not tile its input, or `space_to_depth` a map
that does not consist of whole squares.

```cnn wrong
model net(width = 100) {
  input 32x32x3
  conv 3x3, width / 3
}
```

```cnn right
model net(width = 100) {
  input 32x32x3
  conv 3x3, floor(width * 1.0 / 3)
}
```

## E0305 channels that cannot be divided into groups

Every group of a grouped convolution, a group norm or a channel shuffle has the same
number of channels, so the number of groups divides the number of channels. Likewise
`depth_to_space` needs factor² channels for each one that it gives.

```cnn wrong
model net {
  input 32x32x10
  conv 3x3, 64, groups=4
}
```

```cnn right
model net {
  input 32x32x12
  conv 3x3, 64, groups=4
}
```

## E0306 a map where a vector is needed, or the reverse

`fc` works on a vector; pools and windows work on maps. `flatten` makes a vector of all
elements of a map, `globalavgpool` one element of each channel.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 64
  fc 10
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
  globalavgpool
  fc 10
}
```

## E0307 parts that do not make up the whole

The parts of `split` together have as many channels as the input.

```cnn wrong
model net {
  input 32x32x64
  a, b: split [32, 16]
  add(a, a)
}
```

```cnn right
model net {
  input 32x32x64
  a, b: split [32, 32]
  add(a, b)
}
```

## E0309 a claim that is not true

Shapes behind a statement (`: 28x28x256`) and `expect` are claims that are checked. A
number is compared to the digits given: `4.09G` means 4.085 G to 4.095 G. Either the
claim is wrong or the network is; `cnnc report` shows where the numbers come from.

```cnn wrong
model net {
  input 224x224x3
  conv 7x7/2, 64            : 112x112x64
  maxpool 3x3/2             : 56x56x64
}
```

```cnn right
model net {
  input 224x224x3
  conv 7x7/2, 64            : 112x112x64
  maxpool 3x3/2, pad=1      : 56x56x64
}
```

## E0310 a symbolic size where a number is needed

With `input H×W×3` the size is not known, so nothing may depend on its value: no number
of channels, no repeat, no condition. Give the input a size, in the text or with
`--input`.

```cnn wrong
model net {
  input H×W×3
  flatten
  fc 10
}
```

```cnn right
model net {
  input H×W×3
  globalavgpool
  fc 10
}
```

## E0402 a definition that never ends

A block, a model or a `let` leads back to itself. A block may call itself, if a
condition ends it after at most 32 calls.

```cnn wrong
block hourglass(n) { conv 3x3, n; hourglass(n) }
model net {
  input 64x64x16
  hourglass(16)
}
```

```cnn right
block hourglass(n, depth) { conv 3x3, n; if depth > 1 { hourglass(n, depth - 1) } }
model net {
  input 64x64x16
  hourglass(16, 4)
}
```

## E0403 a model without an input, or a file without a model

A model begins with `input`. What flows at its end is its output; `output` names others.

```cnn wrong
model net {
  conv 3x3, 64
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 64
}
```

## E0501 a file that cannot be read

The name is looked for beside the file that uses it; a spec on the command line also
among the shipped ones (`cnnc list`).

```cnn wrong
use "./block.cnn"
model net {
  input 32x32x3
  unit(64)
}
```

```cnn right
use "./blocks.cnn"
model net {
  input 32x32x3
  unit(64)
}
```

```cnn file=blocks.cnn
block unit(n) { conv 3x3, n, bn, relu }
```

## E0502 files that use each other

`use` has no order, so a circle of files has no beginning. Move what both need into a
third file.

```cnn wrong
use "./blocks.cnn"
model net {
  input 32x32x3
  unit(64)
}
```

```cnn file=blocks.cnn
use "./net.cnn"
block unit(n) { conv 3x3, n, bn, relu }
```

## E0503 a file outside of the spec's folder

Specs come from other people. A spec may read files in the folder of the main file and
below it, and nothing else on the machine.

```cnn wrong
use "../blocks.cnn"
model net {
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
use "./blocks.cnn"
model net {
  input 32x32x3
  unit(64)
}
```

```cnn file=blocks.cnn
block unit(n) { conv 3x3, n, bn, relu }
```

## E0504 a name that the used file does not have

`use "./blocks.cnn" (unit)` asks for one name; without the parentheses all names of the
file come in.

```cnn wrong
use "./blocks.cnn" (units)
model net {
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
use "./blocks.cnn" (unit)
model net {
  input 32x32x3
  unit(64)
}
```

```cnn file=blocks.cnn
block unit(n) { conv 3x3, n, bn, relu }
```

## E0601 a network with too many layers

Repeats multiply. The limit is 20,000 operators with all blocks expanded, which is far
more than any published network has; `--max-nodes` raises it to at most 100,000.

```cnn wrong
block unit(n) { conv 3x3, n, bn, relu }
block units(n) { unit(n) × 200 }
model net {
  input 32x32x3
  units(8) × 200
}
```

```cnn right
block unit(n) { conv 3x3, n, bn, relu }
model net {
  input 32x32x3
  unit(8) × 200
}
```

## E0602 nesting that is too deep

Brackets and braces may be nested 64 deep. Name the inner parts: as blocks, or with
`let`.

## E0603 a number that is too large

Sizes end at 2^31 − 1, counts of elements and parameters at 2^63 − 1.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 9999999999
}
```

```cnn right
model net {
  input 32x32x3
  conv 3x3, 9999
}
```

## E0604 a name, text or file that is too long

Names have at most 64 characters, texts 2,000, files 1 MiB, and a spec at most 256
files.

```cnn wrong
block a_block_with_a_name_that_goes_on_and_on_until_nobody_reads_it_to_its_end(n) {
  conv 3x3, n
}
model net {
  input 32x32x3
  conv 3x3, 64
}
```

```cnn right
block unit(n) {
  conv 3x3, n
}
model net {
  input 32x32x3
  unit(64)
}
```

## E0701 an output that cannot be written

The folder does not exist, the disk is full, or writing is not allowed; the message has
the reason. Files are written beside their target and renamed when they are whole, so
the old file is as it was. Exit code 4.

## E0702 Graphviz is missing or failed

Figures are laid out by Graphviz: by the program `dot` where it is installed, else by what
`pip install cnndsl[figures]` brings along. Without either, `-o net.dot` still writes the graph, and
`cnnc doctor` says what was found. Exit code 3.

## E0703 an output that would destroy a spec

The file given with `-o` is the spec itself, or another spec. Give it another name.
Exit code 4.

## E0705 an unknown target

`--target` names a backend: one that ships, or one of an installed package that
declares the entry point group `cnndsl.backends`.

## E0801 something that a target cannot do

An operator or one of its arguments that the target has no equivalent for, or an option
that the target does not know. The message says which, and what can be used instead.

## E0901 a reference that cannot be built

`cnnc verify --against` names a network of another framework: `keras:ResNet50` from
keras.applications, `keras:MODULE:FACTORY`, `torch:MODULE:FACTORY`, `onnx:FILE` or
`flax:MODULE:CLASS`, with arguments if need be, `keras:MobileNet(alpha=0.5)`. Its framework must be
installed, and modules are looked for in the current folder too. Nothing is downloaded. Exit code 2.

## E0902 two networks of different structure

Layers are paired by what they are and how they are wired: kind, shapes of the weights, what they
read and what reads them. Names and the order in which layers were written play no part. The
message shows our first layer that has no counterpart, and theirs at the same place. Often one
network has a bias, a projection or a width that the other has not.

## E0903 two networks that compute different values

Every layer has its counterpart, but with the same weights and inputs the outputs differ by more
than `--tolerance`. The marked statement makes the first tensor that the other network does not
compute; all before it are equal. Usual causes are the padding of a stride, the rounding of a pool,
`eps`, padding that an average counts, or the order of activation and normalisation.

## E0904 a network without sizes

The input of the spec has symbolic sizes, as in `input H×W×3`; to run, a network needs numbers:
`--input 224x224x3`. Exit code 2.

## E0905 a checkpoint that cannot be read

The file is broken, of another format than its name says, larger than it may be, or wants code to
run when it is opened. Only tensors are ever read. Nothing was written. Exit code 4.

## E0906 a checkpoint of another network

The tensors of the file and the weights of the model do not correspond one to one. The message
names the first that is missing, left over or of another shape. Where shapes alone leave open which
is which, `--against` names the network that the file belongs to.

## E1001 a rule that cannot be read

A rule is `left => right` with what must hold, what it keeps and how its weights move; or it names
a function with `transform`. The left side is made of operators, blocks, branches, `from`, `input`
and `output`: loops and conditions have their place on the right. Names that mean nothing yet are
holes, and stand alone, as a factor of a size, or as a stride. The same code stands for a right
side that never gives what the left side gave, and for a word that is no kind of rule, no claim, no
carrier and no condition.

```cnn wrong
rule smaller {
  conv 5x5, n => conv 3x3, n; conv 3x3, n
  keeps windows
}
model net {
  input 32x32x3
  conv 5x5, 64
}
model small = net with smaller
```

```cnn right
rule smaller {
  conv 5x5, n => conv 3x3, n; conv 3x3, n
  keeps window
}
model net {
  input 32x32x3
  conv 5x5, 64
}
model small = net with smaller
```

## E1003 a rule that applies nowhere

A rule that is asked for has to change something. Either no place looks like its left side, or a
condition does not hold, or a value that would go away is needed elsewhere, or the claims of the
rule cannot be proved there. The message tells the reasons of the places that came nearest. The
same code stands for a place that the network does not have. `cnnc rules NAME` shows what a rule
looks for.

```cnn wrong
model net {
  input 32x32x3
  conv 3x3, 64, bn, relu
}
model small = net with factor_5x5
```

```cnn right
model net {
  input 32x32x3
  conv 5x5, 64, bn, relu
}
model small = net with factor_5x5
```

## E1004 a rule with a claim that is not true

What a rule `keeps` is proved before any network is seen, for every size and stride of its holes,
or tried for all small ones. Here it is wrong: the message has the smallest numbers for which both
sides differ, and if it can, those for which they do not. Types and positions may look right all
the same: a stride that comes too early leaves the size of the output as it was, but makes the
window larger. Likewise a rule that is to `simplify` must leave less behind wherever it applies:
fewer MACs, or else fewer layers, weights, operators. State the missing condition with `when`,
or claim less.

```cnn wrong
rule early {
  conv 5x5/s, n => conv 3x3/s, n; conv 3x3, n
  keeps window
}
model net {
  input 32x32x3
  conv 5x5, 64
}
model small = net with early
```

```cnn right
rule late {
  conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n
  keeps window
}
model net {
  input 32x32x3
  conv 5x5, 64
}
model small = net with late
```

## E1005 a rule that is wrong, with an example

A rule that is `exact`, `reparametrised` or `inference` promises that the function stays. It is
applied to small networks made from its left side, with whole numbers as inputs and weights, and the
outputs must be the same. The message has the smallest network for which they are not, before and
after. When all wrong positions lie along the border, a padding is at fault: a bias or a shift
that should have reached it, or zeros that should not. Nothing is promised of a rule that applies
to none of these networks, either.

```cnn wrong
rule swap exact {
  conv(1x1, n, pad=0, bias=b); maxpool k
  =>
  maxpool k; conv(1x1, n, pad=0, bias=b)
}
model net {
  input 32x32x3
  conv 1x1, 8
  maxpool 2x2
}
model swapped = net with swap
```

```cnn right
rule swap exact {
  f; maxpool k
  =>
  maxpool k; f
  when monotone(f)
}
model net {
  input 32x32x3
  relu
  maxpool 2x2
}
model swapped = net with swap
```

## E1006 a goal that cannot be met

The search for rules found no selection within the bounds, and the message says how far each bound
can be met alone and together with the others; or the goal does not say what must not be lost, so
that the cheapest layer would win everywhere; or a rule proves less than is to be kept.

## E1007 weights that cannot be moved

A step of the derivation cannot move what was trained: its function refuses these layers, for the
reason that the message gives, or a rule that changes the function has put layers in place that are
new. `cnnc rules NAME` says what becomes of the weights. Nothing was written.

## E1008 a step that cannot be taken back

Later steps of the derivation replaced what this one made, or have no place without it. The message
lists them; take them back first, the last one before the others.

## W0301 rows or columns that no window reads

A stride does not divide what is left of the input, so the last rows or columns take
part in nothing. That is legal and often harmless, and sometimes it is the reason why a
network has not the size that its paper says. `--strict` makes it an error. Pad the
input, let the pool round up with `ceil`, or choose another size.

```cnn wrong
model net {
  input 32x32x3
  maxpool 3x3/3
}
```

```cnn right
model net {
  input 32x32x3
  maxpool 3x3/3, ceil
}
```

## W0401 a value that nothing uses

A layer or a call whose value no statement reads and no output gives, most often because
`from` moved the flow away from it. It costs parameters and operations all the same.

```cnn wrong
model net {
  input 32x32x3
  a: conv 3x3, 16
  conv 3x3, 64
  from a
  relu
}
```

```cnn right
model net {
  input 32x32x3
  a: conv 3x3, 16
  b: conv 3x3, 16
  add(a, b)
  relu
}
```

## I9001 an error in cnnc itself

Something happened that cannot happen. Nothing was written. The report file has what
we need to find the cause; please send it with the spec, if you may. Exit code 70.
"""


class Code(Record):
    """A page.

    Arguments:
        code, title: its first line.
        text: the page without its examples.
        wrong: an example that gives this code, or nothing.
        right: the same, mended.
        files: other files of the examples, by name.
    """

    code: str
    title: str
    text: str
    wrong: str = ""
    right: str = ""
    files: tuple[tuple[str, str], ...] = ()


def _read(pages: str) -> dict[str, Code]:
    """The pages by code, in their order."""
    codes: dict[str, Code] = {}
    for page in pages.split("\n## "):
        head, _, body = page.removeprefix("## ").partition("\n")
        code, _, title = head.partition(" ")
        text, *blocks = body.split("```cnn ")
        marked = [block.partition("\n")[::2] for block in blocks]
        examples = {mark: example.partition("```")[0] for mark, example in marked}
        files = tuple(
            (mark.removeprefix("file="), example)
            for mark, example in examples.items()
            if mark.startswith("file=")
        )
        codes[code] = Code(
            code, title, text.strip(), examples.get("wrong", ""), examples.get("right", ""), files
        )
    return codes


CODES = _read(PAGES)


def page(code: Code) -> str:
    """A page for the terminal."""
    parts = [f"{code.code}: {code.title}", code.text]
    files = [(f"With {name}", text) for name, text in code.files]
    for title, example in (("Wrong", code.wrong), ("Right", code.right), *files):
        if example:
            lines = "\n".join(f"    {line}".rstrip() for line in example.splitlines())
            parts.append(f"{title}:\n\n{lines}")
    return "\n\n".join(parts)


def index() -> str:
    """All codes with their titles."""
    return "\n".join(f"{code.code}  {code.title}" for code in CODES.values())


def markdown() -> str:
    """All pages, `docs/errors.md`."""
    lead = (
        "# Errors and warnings\n\n"
        "Made by `python -m cnndsl.codes > docs/errors.md`; change it in `cnndsl/codes.py`.\n"
        "`cnnc explain CODE` prints one page. The letter is the severity: E error, W warning.\n\n"
    )
    return lead + PAGES


if __name__ == "__main__":
    sys.stdout.write(markdown())
