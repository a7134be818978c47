//! What an ONNX file holds, read before the engine sees it.
//!
//! ONNX is protocol buffers (`onnx.proto3`, version 1 of the format); numbers of fields are given where they are used. Only what
//! decides is read: operators, tensors, input and output.

use super::prepare::Precision;
use super::{CLASSES, HEIGHT, ModelError, ModelLimits, WIDTH};

/// What segmentation networks are built of. None of these makes memory out of a small number, as `ConstantOfShape` does.
const OPERATORS: &[&str] = &[
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Div",
    "Dropout",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "Pow",
    "PRelu",
    "ReduceMean",
    "Relu",
    "Reshape",
    "Resize",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];

/// `TensorProto.DataType`.
const FLOAT: u64 = 1;
const FLOAT16: u64 = 10;

/// One field of a message.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes; nothing that decides is written so.
    Fixed,
}

const CUT_OFF: ModelError = ModelError::NotOnnx { detail: "it is cut off, or no protocol buffer at all" };

fn number(bytes: &mut &[u8]) -> Result<u64, ModelError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(CUT_OFF)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(CUT_OFF)
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], ModelError> {
    let length = usize::try_from(length).map_err(|_| CUT_OFF)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(CUT_OFF)?;
    *bytes = rest;
    Ok(taken)
}

/// Calls `visit` with number and content of every field of a message.
fn fields<'a>(
    mut bytes: &'a [u8],
    mut visit: impl FnMut(u64, Content<'a>) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    while !bytes.is_empty() {
        let key = number(&mut bytes)?;
        let content = match key & 7 {
            0 => Content::Number(number(&mut bytes)?),
            1 => take(&mut bytes, 8).map(|_| Content::Fixed)?,
            2 => {
                let length = number(&mut bytes)?;
                Content::Bytes(take(&mut bytes, length)?)
            }
            5 => take(&mut bytes, 4).map(|_| Content::Fixed)?,
            _ => return Err(CUT_OFF),
        };
        visit(key >> 3, content)?;
    }
    Ok(())
}

/// Text from a file, short enough to be shown.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|character| !character.is_control()).take(80).collect()
}

/// Checks a whole model; gives the precision of its input.
pub(super) fn check(bytes: &[u8], limits: &ModelLimits) -> Result<Precision, ModelError> {
    let mut graph = None;
    let mut version = None;
    fields(bytes, |field, content| {
        match (field, content) {
            // ModelProto: ir_version = 1, graph = 7.
            (1, Content::Number(number)) => version = Some(number),
            (7, Content::Bytes(found)) if graph.replace(found).is_some() => {
                return Err(ModelError::NotOnnx { detail: "it has two graphs" });
            }
            _ => {}
        }
        Ok(())
    })?;
    let (Some(graph), Some(1..)) = (graph, version) else {
        return Err(ModelError::NotOnnx { detail: "it has no graph or no version" });
    };

    let (mut inputs, mut outputs, mut constants) = (Vec::new(), Vec::new(), Vec::new());
    fields(graph, |field, content| {
        match (field, content) {
            // GraphProto: node = 1, initializer = 5, input = 11, output = 12, sparse_initializer = 15.
            (1, Content::Bytes(node)) => check_node(node, limits)?,
            (5, Content::Bytes(tensor)) => constants.push(check_tensor(tensor, limits)?),
            (11, Content::Bytes(value)) => inputs.push(value_info(value)?),
            (12, Content::Bytes(value)) => outputs.push(value_info(value)?),
            (15, _) => {
                let detail = "sparse tensors are not read here".to_owned();
                return Err(ModelError::Tensor { tensor: "sparse".to_owned(), detail });
            }
            _ => {}
        }
        Ok(())
    })?;
    // Old files list their constants among the inputs.
    inputs.retain(|input| !constants.contains(&input.name));
    let precision = match inputs.as_slice() {
        [input] if input.shape_may_be(3) => match input.kind {
            FLOAT => Some(Precision::Single),
            FLOAT16 => Some(Precision::Half),
            _ => None,
        },
        _ => None,
    };
    let Some(precision) = precision else { return Err(ModelError::Input { found: described(&inputs) }) };
    match outputs.as_slice() {
        [output] if output.shape_may_be(CLASSES) && [FLOAT, FLOAT16].contains(&output.kind) => Ok(precision),
        _ => Err(ModelError::Output { found: described(&outputs) }),
    }
}

/// NodeProto: op_type = 4, attribute = 5, domain = 7.
fn check_node(node: &[u8], limits: &ModelLimits) -> Result<(), ModelError> {
    let (mut operator, mut domain) = (String::new(), String::new());
    fields(node, |field, content| {
        match (field, content) {
            (4, Content::Bytes(found)) => operator = text(found),
            (5, Content::Bytes(attribute)) => fields(attribute, |field, content| {
                match (field, content) {
                    // AttributeProto: t = 5, tensors = 10.
                    (5 | 10, Content::Bytes(tensor)) => check_tensor(tensor, limits).map(drop)?,
                    // g = 6, graphs = 11, sparse_tensor = 22, sparse_tensors = 23.
                    (6 | 11 | 22 | 23, _) => {
                        return Err(ModelError::Operator {
                            operator: "with a graph or sparse tensor of its own".to_owned(),
                        });
                    }
                    _ => {}
                }
                Ok(())
            })?,
            (7, Content::Bytes(found)) => domain = text(found),
            _ => {}
        }
        Ok(())
    })?;
    let standard = domain.is_empty() || domain == "ai.onnx";
    if standard && OPERATORS.contains(&operator.as_str()) {
        return Ok(());
    }
    Err(ModelError::Operator { operator: if standard { operator } else { format!("{domain}.{operator}") } })
}

/// TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9, external_data = 13, data_location = 14. Gives the name.
fn check_tensor(tensor: &[u8], limits: &ModelLimits) -> Result<String, ModelError> {
    let (mut name, mut elements, mut kind, mut raw, mut external) = (String::new(), Some(1_u64), 0, None, false);
    fields(tensor, |field, content| {
        let mut side = |length: u64| elements = elements.and_then(|elements| elements.checked_mul(length));
        match (field, content) {
            (1, Content::Number(length)) => side(length),
            (1, Content::Bytes(mut lengths)) => {
                while !lengths.is_empty() {
                    side(number(&mut lengths)?);
                }
            }
            (2, Content::Number(found)) => kind = found,
            (8, Content::Bytes(found)) => name = text(found),
            (9, Content::Bytes(found)) => raw = Some(found.len() as u64),
            (13, _) => external = true,
            (14, Content::Number(location)) => external |= location != 0,
            _ => {}
        }
        Ok(())
    })?;
    if external {
        return Err(ModelError::ExternalData { tensor: name });
    }
    let impossible = |detail: String| ModelError::Tensor { tensor: name.clone(), detail };
    let Some(elements) = elements.filter(|&elements| elements <= limits.max_elements) else {
        return Err(impossible(format!("it has more than {} numbers", limits.max_elements)));
    };
    // Bytes of a number, for the types that networks are made of.
    let width = match kind {
        2 | 3 | 9 => 1,
        FLOAT16 => 2,
        FLOAT | 6 => 4,
        7 | 11 => 8,
        other => return Err(impossible(format!("its numbers are of type {other}"))),
    };
    if let Some(raw) = raw
        && raw != elements * width
    {
        return Err(impossible(format!("{raw} bytes for {elements} numbers of {width}")));
    }
    // Without raw bytes each number takes at least one byte of the message (or two, or four).
    if raw.is_none() && elements > tensor.len() as u64 {
        return Err(impossible(format!("{elements} numbers in {} bytes", tensor.len())));
    }
    Ok(name)
}

/// Name, type and shape of an input or output. A side that is not fixed is `None`.
struct ValueInfo {
    name: String,
    kind: u64,
    shape: Option<Vec<Option<u64>>>,
}

impl ValueInfo {
    /// Whether one picture of so many planes fits.
    fn shape_may_be(&self, planes: usize) -> bool {
        let wanted = [1, planes as u64, HEIGHT as u64, WIDTH as u64];
        self.shape.as_ref().is_none_or(|shape| {
            shape.len() == wanted.len()
                && shape.iter().zip(wanted).all(|(side, wanted)| side.is_none_or(|side| side == wanted))
        })
    }
}

fn described(values: &[ValueInfo]) -> String {
    let one = |value: &ValueInfo| {
        let sides = value.shape.iter().flatten().take(8);
        let sides: Vec<String> = sides.map(|side| side.map_or("?".to_owned(), |side| side.to_string())).collect();
        format!("[{}] of type {}", sides.join(", "), value.kind)
    };
    match values {
        [] => "nothing".to_owned(),
        values => values.iter().take(4).map(one).collect::<Vec<_>>().join(" and "),
    }
}

/// ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1, shape = 2; TensorShapeProto: dim = 1;
/// Dimension: dim_value = 1.
fn value_info(value: &[u8]) -> Result<ValueInfo, ModelError> {
    let mut info = ValueInfo { name: String::new(), kind: 0, shape: None };
    fields(value, |field, content| {
        match (field, content) {
            (1, Content::Bytes(found)) => info.name = text(found),
            (2, Content::Bytes(kind)) => fields(kind, |field, content| match (field, content) {
                (1, Content::Bytes(tensor)) => fields(tensor, |field, content| {
                    match (field, content) {
                        (1, Content::Number(found)) => info.kind = found,
                        (2, Content::Bytes(shape)) => {
                            let mut sides = Vec::new();
                            fields(shape, |_, content| {
                                let mut side = None;
                                if let Content::Bytes(dimension) = content {
                                    fields(dimension, |field, content| {
                                        if let (1, Content::Number(length)) = (field, content) {
                                            side = Some(length);
                                        }
                                        Ok(())
                                    })?;
                                }
                                sides.push(side);
                                Ok(())
                            })?;
                            info.shape = Some(sides);
                        }
                        _ => {}
                    }
                    Ok(())
                }),
                _ => Ok(()),
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}
