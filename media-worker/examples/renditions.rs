//! Runs the pipeline over files and tells what it cost: processor time, memory, bytes. The comparison in
//! `loadtest/media` runs it beside its peer; on a single file it shows what an upload becomes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{fs, thread};

use anyhow::Context as _;
use clap::Parser;
use media_worker::pipeline::{Limits, Media, process};

/// Makes renditions of files, prints one line of JSON about what that took.
#[derive(Parser)]
struct Arguments {
    /// The uploads.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// How often to go through all of them.
    #[arg(long, default_value_t = 1)]
    repeat: usize,

    /// How many are worked on at the same time.
    #[arg(long, default_value_t = 1)]
    threads: usize,

    /// A folder for the renditions: NAME.main and NAME.thumbnail.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let limits = Limits::default();
    let uploads = arguments
        .files
        .iter()
        .map(|path| fs::read(path).with_context(|| format!("{} cannot be read", path.display())))
        .collect::<anyhow::Result<Vec<_>>>()?;

    let (next, bytes, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let total = uploads.len() * arguments.repeat;
    let (before, started) = (cpu_seconds()?, Instant::now());
    thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        break;
                    }
                    match process(&uploads[number % uploads.len()], &limits) {
                        Ok(media) => bytes.fetch_add(size(&media), Ordering::Relaxed),
                        Err(refusal) => {
                            eprintln!("{:?}: {refusal}", refusal.code);
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
    });
    println!(
        "{{\"images\":{total},\"refused\":{},\"cpuSeconds\":{:.2},\"seconds\":{:.3},\"bytes\":{},\"peakKiB\":{}}}",
        refused.into_inner(),
        cpu_seconds()? - before,
        started.elapsed().as_secs_f64(),
        bytes.into_inner(),
        peak_kib()?,
    );
    if let Some(folder) = &arguments.out {
        for (path, upload) in arguments.files.iter().zip(&uploads) {
            save(folder, path, &process(upload, &limits)?)?;
        }
    }
    Ok(())
}

fn size(media: &Media) -> usize {
    media.main.bytes.len() + media.thumbnail.as_ref().map_or(0, |small| small.bytes.len())
}

fn save(folder: &Path, path: &Path, media: &Media) -> anyhow::Result<()> {
    let name = path.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
    fs::write(folder.join(format!("{name}.main")), &media.main.bytes)?;
    if let Some(small) = &media.thumbnail {
        fs::write(folder.join(format!("{name}.thumbnail")), &small.bytes)?;
    }
    eprintln!(
        "{name}: {} {:?} x {:?}, {} bytes, {}",
        media.main.mime,
        media.main.width.unwrap_or_default(),
        media.main.height.unwrap_or_default(),
        media.main.bytes.len(),
        media.blurhash.as_deref().unwrap_or("no blurhash"),
    );
    Ok(())
}

/// Of the process, user and system: fields 14 and 15 of `stat`, in hundredths.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("an unknown form of /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn peak_kib() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value.context("no VmHWM in /proc/self/status")?.parse()?)
}
