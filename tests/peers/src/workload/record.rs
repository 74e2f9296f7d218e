//! One model of the workload, drawn: about 45 leaf values.

use crate::draw::Draw;
use crate::model::{Field, Note, Record, Scalar};
use std::collections::{BTreeMap, BTreeSet};

/// The devices that have counted and noted before the cut.
pub(crate) const WRITERS: [&str; 3] = ["gateway-1", "gateway-2", "gateway-3"];

const TASKS: [&str; 12] = [
    "image-classification",
    "object-detection",
    "image-segmentation",
    "text-generation",
    "text-classification",
    "embedding",
    "speech-recognition",
    "translation",
    "summarization",
    "time-series-forecasting",
    "anomaly-detection",
    "reranking",
];
const FRAMEWORKS: [&str; 6] = ["pytorch", "tensorflow", "onnx", "jax", "tflite", "ggml"];
const RUNTIMES: [&str; 6] = ["onnxruntime", "tensorrt", "openvino", "tflite", "llama.cpp", "torchscript"];
const TARGETS: [&str; 8] = ["cpu-x86", "cpu-arm64", "gpu-cuda", "gpu-vulkan", "npu-edge", "tpu-edge", "dsp", "mcu"];
const PRECISIONS: [&str; 5] = ["fp32", "fp16", "bf16", "int8", "int4"];
const LICENCES: [&str; 8] =
    ["apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "gpl-3.0", "openrail", "proprietary"];
const TAGS: [&str; 40] = [
    "agriculture", "edge", "vision", "language", "audio", "sensor", "quantized", "distilled", "large", "small",
    "multilingual", "english", "german", "french", "wheat", "maize", "soil", "weather", "livestock", "drone",
    "satellite", "robot", "irrigation", "pest", "disease", "yield", "harvest", "quality", "safety", "research",
    "production", "experimental", "offline", "streaming", "realtime", "batch", "low-power", "benchmark", "private",
    "public",
];
const CAPABILITIES: [&str; 5] = ["streaming", "batching", "fine_tuning", "tool_use", "explanations"];
const METRICS: [&str; 5] = ["accuracy", "f1", "precision", "recall", "robustness"];
/// Each metric is one of so many steps between 0 and 1.
const METRIC_STEPS: u64 = 1_000;
const PUBLISHERS: u64 = 40;
const SIZE_BITS: u64 = 28;
const NOTE_PERCENT: u64 = 30;

/// Draws model `number` as the registry has it; it was last updated before `until_s`, in seconds since 1970.
pub(super) fn drawn(draw: &mut Draw, number: u64, until_s: u64) -> (String, Record) {
    let publisher = format!("publisher-{}", draw.between(1, PUBLISHERS));
    let name = format!("{}-{}-{number}", draw.word(), draw.word());
    let id = format!("{publisher}/{name}");
    let version = format!("{}.{}.{}", draw.between(1, 4), draw.below(10), draw.below(10));
    let created = until_s - draw.between(200 * 86_400, 400 * 86_400);
    let updated = until_s - draw.between(86_400, 100 * 86_400);
    let text = |text: &str| Field::One(Scalar::Text(text.to_owned()));
    let mut record = Record::from([
        ("endpoint".to_owned(), text(&format!("https://{publisher}.example/v1/{name}"))),
        ("docs_url".to_owned(), text(&format!("https://docs.example/{id}"))),
        ("name".to_owned(), text(&name)),
        ("publisher".to_owned(), text(&publisher)),
        ("version".to_owned(), text(&version)),
        ("status".to_owned(), text(draw.one_of(&["staged", "approved"]))),
        ("task".to_owned(), text(draw.one_of(&TASKS))),
        ("framework".to_owned(), text(draw.one_of(&FRAMEWORKS))),
        ("runtime".to_owned(), text(draw.one_of(&RUNTIMES))),
        ("target".to_owned(), text(draw.one_of(&TARGETS))),
        ("precision".to_owned(), text(draw.one_of(&PRECISIONS))),
        ("license".to_owned(), text(draw.one_of(&LICENCES))),
        ("price".to_owned(), Field::One(price(draw))),
        ("description".to_owned(), text(&draw.text(15, 30))),
        ("created_at".to_owned(), Field::One(Scalar::Time(created))),
        ("updated_at".to_owned(), Field::One(Scalar::Time(updated))),
        ("min_agent".to_owned(), text(&format!("0.{}", draw.between(1, 9)))),
        ("tags".to_owned(), Field::Set(tags(draw))),
        ("capabilities".to_owned(), Field::Map(capabilities(draw))),
    ]);
    new_artifact(&mut record, &id, &version, draw);
    (id, record)
}

/// A price per million calls, to the cent.
pub(super) fn price(draw: &mut Draw) -> Scalar {
    Scalar::Real(draw.between(1, 10_000) as f64 / 100.0)
}

fn tags(draw: &mut Draw) -> BTreeSet<String> {
    let count = draw.between(3, 7) as usize;
    let chosen = draw.choose(count, TAGS.len() as u64);
    chosen.into_iter().map(|index| TAGS[index as usize].to_owned()).collect()
}

fn capabilities(draw: &mut Draw) -> BTreeMap<String, Scalar> {
    CAPABILITIES.iter().map(|name| ((*name).to_owned(), Scalar::Bool(draw.below(2) == 1))).collect()
}

/// What comes with an artifact: its address, digest and size, and how well it does.
pub(super) fn new_artifact(record: &mut Record, id: &str, version: &str, draw: &mut Draw) {
    let uri = format!("oci://registry.example/{id}:{version}");
    let metrics = METRICS.iter().map(|name| {
        let step = draw.below(METRIC_STEPS) as f64;
        ((*name).to_owned(), Scalar::Real(step / METRIC_STEPS as f64))
    });
    let metrics = Field::Map(metrics.collect());
    record.insert("artifact_uri".to_owned(), Field::One(Scalar::Text(uri)));
    record.insert("sha256".to_owned(), Field::One(Scalar::Digest(draw.bytes_32())));
    record.insert("size_bytes".to_owned(), Field::One(Scalar::Whole(draw.below(1 << SIZE_BITS) as i64)));
    record.insert("metrics".to_owned(), metrics);
}

/// What devices have added before the cut: one to three of them counted, and three models in ten have a note.
pub(super) fn edge_writes(record: &mut Record, number: u64, draw: &mut Draw, until_s: u64) {
    let writers = draw.between(1, 3) as usize;
    let counts = WRITERS[..writers].iter().map(|who| ((*who).to_owned(), draw.between(1, 10_000) as i64));
    record.insert("usage".to_owned(), Field::Counts(counts.collect()));
    if draw.below(100) < NOTE_PERCENT {
        let at_ms = until_s * 1_000 - draw.between(1, 86_400_000);
        let note = Note { at_ms, text: draw.text(8, 16) };
        let key = format!("{}-{}", WRITERS[0], number + 1);
        record.insert(crate::model::NOTES.to_owned(), Field::Notes(BTreeMap::from([(key, note)])));
    }
}

/// The next version: a minor one or a patch, both alike.
pub(super) fn next_version(record: &Record, draw: &mut Draw) -> String {
    let Some(Field::One(Scalar::Text(version))) = record.get("version") else {
        unreachable!("every model has a version");
    };
    let mut numbers: Vec<u64> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if draw.below(2) == 0 {
        numbers[1] += 1;
        numbers[2] = 0;
    } else {
        numbers[2] += 1;
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}
