//! Measuring: how many in a second when as many as possible are under way, and how long one takes at a steady pace.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Something that is done again and again.
pub(crate) trait Load: Clone + Send + Sync + 'static {
    /// Does it once; answers how long its parts took.
    fn once(&self, number: u64) -> impl Future<Output = Vec<Duration>> + Send;
}

/// Numbers that no two of a run have in common.
static MINTED: AtomicU64 = AtomicU64::new(0);

/// What was measured at saturation.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) times: Vec<Vec<Duration>>,
}

/// As much as goes with so many under way.
pub(crate) async fn saturate(load: &impl Load, in_flight: usize, slice: Duration) -> Rate {
    let began = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let load = load.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < slice {
                    times.push(load.once(MINTED.fetch_add(1, Ordering::Relaxed)).await);
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    Rate { per_second: times.len() as f64 / began.elapsed().as_secs_f64(), times }
}

/// One begins every `1/rate` seconds, however long the others take.
pub(crate) async fn pace(load: &impl Load, rate: u32, slice: Duration) -> Vec<Vec<Duration>> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
    let times = Arc::new(tokio::sync::Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    let began = Instant::now();
    while began.elapsed() < slice {
        tick.tick().await;
        let (load, times) = (load.clone(), Arc::clone(&times));
        tasks.spawn(async move {
            let took = load.once(MINTED.fetch_add(1, Ordering::Relaxed)).await;
            times.lock().await.push(took);
        });
    }
    tasks.join_all().await;
    std::mem::take(&mut *times.lock().await)
}

/// The middle and the 99th of a hundred, in milliseconds, of one part.
pub(crate) fn quantiles(times: &[Vec<Duration>], part: usize) -> (f64, f64) {
    let mut ms: Vec<_> = times.iter().map(|parts| parts[part].as_secs_f64() * 1_000.0).collect();
    ms.sort_by(f64::total_cmp);
    let at = |hundredths: usize| ms.get(ms.len() * hundredths / 100).or(ms.last()).copied().unwrap_or(f64::NAN);
    (at(50), at(99))
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
