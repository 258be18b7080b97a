//! Families that are told of each object by itself, or summed up over all of them: one table for both.

use std::io;

use super::text::{About, Label, Text};

/// A number that every object of a kind has.
pub struct Family<T: 'static> {
    /// Name, kind, help.
    pub about: About,
    /// The names by which `/metrics/detailed` is asked for it.
    pub asked_as: &'static [&'static str],
    /// What it is of one object.
    pub value: fn(&T) -> f64,
}

/// Families of one kind of object, summed up.
pub struct Sums<T: 'static> {
    families: &'static [Family<T>],
    sums: Vec<f64>,
}

impl<T> Sums<T> {
    /// Of nothing.
    pub fn new(families: &'static [Family<T>]) -> Self {
        Self { families, sums: vec![0.0; families.len()] }
    }

    /// An object more.
    pub fn add(&mut self, object: &T) {
        for (sum, family) in self.sums.iter_mut().zip(self.families) {
            *sum += (family.value)(object);
        }
    }

    /// Writes all of them.
    pub fn write(&self, text: &mut Text<'_>) -> io::Result<()> {
        self.families.iter().zip(&self.sums).try_for_each(|(family, sum)| text.single(&family.about, *sum))
    }
}

/// Writes families of each object by itself; `labels` hands the labels of one object to whoever writes.
pub fn write_each<T: 'static>(
    text: &mut Text<'_>,
    families: impl Iterator<Item = &'static Family<T>>,
    objects: &[T],
    labels: impl Fn(&T, &mut dyn FnMut(&[Label<'_>]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    for family in families {
        text.begin(&family.about)?;
        for object in objects {
            let value = (family.value)(object);
            labels(object, &mut |labels| text.sample(family.about.name, labels, value))?;
        }
    }
    Ok(())
}
