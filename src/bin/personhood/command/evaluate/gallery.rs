//! From pictures to templates; of the pictures nothing is kept.

use std::time::Duration;

use personhood::evaluation::Sample;
use personhood::iris::IrisTemplate;
use personhood::pipeline::{Pipeline, Stage, StageTimes};
use rayon::prelude::*;

use super::folder::{Labelled, Picture};
use crate::clock::thread_time;
use crate::eye;
use crate::failure::Failure;
use crate::output::Output;

/// What the pictures gave.
pub(super) struct Gallery {
    pub(super) templates: Vec<IrisTemplate>,
    /// Whose each template is.
    pub(super) samples: Vec<Sample>,
    /// The picture of each template, as an index.
    pub(super) pictures: Vec<usize>,
    /// Pictures that gave no template, and why.
    pub(super) failures: Vec<(usize, Failure)>,
    /// Processor time of all pictures, refused ones included.
    pub(super) time: Time,
}

/// Processor time, by what it was spent on.
#[derive(Default)]
pub(super) struct Time {
    pub(super) total: Duration,
    pub(super) decoding: Duration,
    pub(super) stages: [Duration; Stage::ALL.len()],
}

impl Time {
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.decoding += other.decoding;
        for (stage, time) in self.stages.iter_mut().zip(other.stages) {
            *stage += time;
        }
    }
}

impl Gallery {
    /// Encodes every picture, on all threads. A picture that gives no template stops no other.
    pub(super) fn encode(labelled: &Labelled, pipeline: &Pipeline, output: Output) -> Self {
        let bar = output.progress(labelled.pictures.len(), "encoding");
        let encoded: Vec<_> = labelled
            .pictures
            .par_iter()
            .map(|picture| {
                let result = encode(picture, pipeline);
                bar.inc(1);
                result
            })
            .collect();
        bar.finish_and_clear();
        let mut gallery = Self {
            templates: Vec::new(),
            samples: Vec::new(),
            pictures: Vec::new(),
            failures: Vec::new(),
            time: Time::default(),
        };
        for (index, (result, time)) in encoded.into_iter().enumerate() {
            gallery.time.add(&time);
            match result {
                Ok(template) => {
                    gallery.templates.push(template);
                    gallery.samples.push(labelled.pictures[index].sample);
                    gallery.pictures.push(index);
                }
                Err(failure) => gallery.failures.push((index, failure)),
            }
        }
        gallery
    }

    /// Nothing can be compared: with the first reason, since all pictures probably share it.
    pub(super) fn too_few_templates(&self, labelled: &Labelled) -> Failure {
        let (pictures, templates) = (labelled.pictures.len(), self.templates.len());
        let message = format!("{pictures} pictures gave {templates} templates, at least 2 are needed to compare");
        let failure = Failure::new("too_few_templates", message);
        match self.failures.first() {
            Some((_, first)) => failure.with_hint(format!("the first refusal: {first}")),
            None => failure.with_hint("evaluate more pictures"),
        }
    }
}

fn encode(picture: &Picture, pipeline: &Pipeline) -> (Result<IrisTemplate, Failure>, Time) {
    let begin = thread_time();
    let decoded = eye::read_picture(&picture.path);
    let decoding = thread_time().saturating_sub(begin);
    let (result, stages) = match decoded {
        Ok(image) => {
            let (capture, times) = pipeline.run_timed(&image, thread_time);
            (capture.map(|capture| capture.template).map_err(|error| Failure::from(error).about(&picture.path)), times)
        }
        Err(failure) => (Err(failure), StageTimes::default()),
    };
    let total = thread_time().saturating_sub(begin);
    (result, Time { total, decoding, stages: Stage::ALL.map(|stage| stages.of(stage)) })
}
