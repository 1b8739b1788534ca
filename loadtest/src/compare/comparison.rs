//! The whole comparison: each contender in turn, each measurement in turn.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use local_stack::{open_files, places::Places};
use serde::Serialize;

use super::{
    absence,
    cli::Cli,
    contender::Contender,
    figures::{Figures, RoomFigures, WireFigures, faults},
    floor::{self, FloorFigures},
    latency,
    machine::Machine,
    memory, peer_tools,
    plan::Plan,
    plot, redis, rooms,
    system::{Programs, System},
    table, wire_size,
};
use crate::{report::write_json, run::Outcome};

/// The JSON of a comparison.
#[derive(Debug, Serialize)]
struct Results<'a> {
    machine: Machine,
    plan: &'a Plan,
    /// What a bare `write(2)` and the bare way through NATS cost.
    floor: &'a [FloorFigures],
    contenders: &'a [Figures],
}

/// Measures, prints and writes what was seen; `false` where Starling lost something, or broke down.
///
/// # Errors
/// When something that it needs cannot be had, or a contender breaks.
pub async fn run(cli: Cli) -> anyhow::Result<bool> {
    let plan = cli.plan()?;
    let machine = Machine::now();
    if machine.is_busy() {
        eprintln!("this machine is busy with something else: the figures will say little");
    }
    open_files::raise_limit();
    let compare = std::env::current_exe().context("this program does not know where it lies")?;
    let out = match &cli.out {
        Some(out) => out.clone(),
        None => beside(&compare)?,
    };
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let programs = prepare(&cli.only, compare).await?;
    let mut floor = Vec::new();
    for &rate in &plan.costs {
        for &room_size in &plan.rooms {
            eprintln!("        what nobody can save, rooms of {room_size}, {rate}/s");
            floor.push(floor::measure(&programs.compare, &plan, room_size, rate).await?);
        }
    }
    let mut all = Vec::new();
    for contender in &cli.only {
        all.push(
            Box::pin(measure(*contender, &plan, &programs))
                .await
                .with_context(|| format!("{} could not be measured", contender.title()))?,
        );
        // What is known already is not lost with what comes.
        write(&out, machine, &plan, &floor, &all)?;
    }
    print!("{}", table::text(machine, &plan, &floor, &all));
    println!("written to {}", out.display());
    let starling = all.iter().filter(|figures| figures.contender == Contender::Starling);
    Ok(starling.flat_map(faults).count() == 0)
}

/// Finds or installs what the contenders are made of, before any time is spent on measuring.
async fn prepare(only: &[Contender], compare: PathBuf) -> anyhow::Result<Programs> {
    let wanted = |contender| only.contains(&contender);
    if wanted(Contender::SocketIo) || wanted(Contender::SocketIoRedis) {
        peer_tools::prepare().await?;
    }
    let redis_server = if wanted(Contender::SocketIoRedis) {
        Some(redis::find(&Places::of_this_machine()).await?)
    } else {
        None
    };
    Ok(Programs { compare, redis_server })
}

async fn measure(
    contender: Contender,
    plan: &Plan,
    programs: &Programs,
) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let step = |what: &str| {
        eprintln!("{:>4} s  {}: {what}", began.elapsed().as_secs(), contender.title());
    };
    step("starting");
    let mut system = System::start(contender, plan, programs, false).await?;
    let processes = system.names();
    let talked = talk(&mut system, plan, step).await;
    let (latency, wire, rooms) = explained(&mut system, talked)?;
    system.stop().await?;
    let mut memory_figures = Vec::new();
    for connections in &plan.connections {
        step(&format!("memory of {connections} connections"));
        memory_figures.push(memory::measure(contender, plan, programs, *connections).await?);
    }
    step("messages across dropped connections");
    let mut system = System::start(contender, plan, programs, true).await?;
    let absence = absence::measure(&system, &plan.absence).await;
    let absence = explained(&mut system, absence)?;
    system.stop().await?;
    step("done");
    Ok(Figures { contender, processes, latency, rooms, memory: memory_figures, wire, absence })
}

/// What is measured of one running system.
async fn talk(
    system: &mut System,
    plan: &Plan,
    step: impl Fn(&str),
) -> anyhow::Result<(Outcome, WireFigures, Vec<RoomFigures>)> {
    step("latency at a fixed rate");
    let latency = latency::measure(system, plan).await?;
    step("bytes on the wire");
    let wire = wire_size::measure(system).await?;
    let mut rooms = Vec::new();
    for room_size in &plan.rooms {
        step(&format!("processor time and the highest rate, rooms of {room_size}"));
        rooms.push(rooms::measure(system, plan, *room_size).await?);
    }
    Ok((latency, wire, rooms))
}

/// A failure with its reason, where that is the end of a process.
fn explained<T>(system: &mut System, measured: anyhow::Result<T>) -> anyhow::Result<T> {
    measured.or_else(|error| match system.ended()? {
        Some(ended) => Err(error.context(ended)),
        None => Err(error),
    })
}

/// `compare/` in cargo's target folder, where this program lies in a profile's folder.
fn beside(program: &Path) -> anyhow::Result<PathBuf> {
    let target = program.parent().and_then(Path::parent);
    Ok(target.context("name a folder for the results with --out")?.join("compare"))
}

fn write(
    out: &Path,
    machine: Machine,
    plan: &Plan,
    floor: &[FloorFigures],
    all: &[Figures],
) -> anyhow::Result<()> {
    let results = Results { machine, plan, floor, contenders: all };
    write_json(&out.join("compare.json"), &results)?;
    for (name, text) in [
        ("table.txt", table::text(machine, plan, floor, all)),
        ("compare.svg", plot::svg(floor, all)),
    ] {
        let file = out.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
