//! A value over time: where it began and ended, and how fast it grew.

use std::time::Duration;

/// Bytes over time, in whole MiB for people.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// Seconds and bytes.
    points: Vec<(f64, f64)>,
}

const MIB: f64 = 1_048_576.0;

impl Samples {
    pub fn add(&mut self, at: Duration, bytes: u64) {
        #[allow(clippy::cast_precision_loss)]
        self.points.push((at.as_secs_f64(), bytes as f64));
    }

    /// Bytes a second by least squares over the later half, when what is kept has been filled.
    #[must_use]
    pub fn slope(&self) -> f64 {
        let points = &self.points[self.points.len() / 2..];
        #[allow(clippy::cast_precision_loss)]
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let square: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        if square > 0.0 { both / square } else { 0.0 }
    }

    /// The slope in MiB a minute.
    #[must_use]
    pub fn mib_per_minute(&self) -> f64 {
        self.slope() * 60.0 / MIB
    }

    /// First, middle, last, peak and slope.
    #[must_use]
    pub fn describe(&self) -> String {
        let at = |index: usize| self.points.get(index).map_or(0.0, |point| point.1 / MIB);
        let peak = self.points.iter().map(|point| point.1).fold(0.0, f64::max) / MIB;
        let last = self.points.len().saturating_sub(1);
        format!(
            "{:.1} MiB first, {:.1} middle, {:.1} last, {peak:.1} at most; {:+.2} MiB/min in the later half",
            at(0),
            at(self.points.len() / 2),
            at(last),
            self.mib_per_minute(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_a_start_does_not_count() {
        let mut samples = Samples::default();
        for second in 0..10_u64 {
            samples.add(Duration::from_secs(second), if second < 5 { 900 } else { second * 100 });
        }
        assert!((samples.slope() - 100.0).abs() < 1e-6);
        assert!(Samples::default().slope().abs() < 1e-6);
        assert!(samples.describe().contains("MiB/min"));
    }
}
