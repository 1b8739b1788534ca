//! Two workers at one upload, one after the death of the other or both at once: the room sees one message,
//! whatever the log remembers.

use std::time::Duration;

use tokio::time::sleep;
use wire::media::UploadDone;
use wire::stream;

use crate::direct::{complete, grant, wish};
use crate::fault_proxy::Fault;
use crate::make::jpeg;
use crate::servers::against_each_s3;
use crate::web::send;
use crate::world::{FORGOTTEN, World, job, room};

against_each_s3! {
    a_worker_that_dies_at_any_step_is_followed_by_one_that_ends_the_job_once
    of_two_that_complete_an_upload_at_once_one_makes_the_message
}

/// What a worker asks of S3 for a job: is there a record; picture; thumbnail; record; record.
pub const STEPS: usize = 5;

async fn a_worker_that_dies_at_any_step_is_followed_by_one_that_ends_the_job_once(world: World) {
    world.forget_ids().await;
    world.forget_jobs_after(Duration::from_secs(2)).await;
    for step in 0..STEPS {
        let media_id = format!("m-{step}");
        world.proxy.set(Fault::SilentAfter(step));
        let first = world.worker().await;
        world.queue(&job(&media_id), &jpeg(400, 300)).await;
        world.proxy.requests(step + 1).await;
        first.kill().await;
        assert_eq!(world.count(stream::MEDIA).await, 1, "{media_id} was acknowledged");
        world.proxy.set(Fault::None);
        let second = world.worker().await;
        world.idle().await;
        second.stop().await.unwrap();
        let files = world.files(&room("general")).await;
        let own = files.iter().filter(|file| file.media_id == media_id).count();
        assert_eq!((own, files.len()), (1, step + 1), "{media_id}");
    }
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
}

async fn of_two_that_complete_an_upload_at_once_one_makes_the_message(world: World) {
    world.forget_ids().await;
    let slow = media_worker::router(&world.config()).await.unwrap();
    let quick = media_worker::router(&world.config_past_the_proxy()).await.unwrap();
    let photo = jpeg(400, 300);
    // Held before it reads the bytes, which are gone then, and before its record, which is late then.
    for (number, requests) in [1, 4].into_iter().enumerate() {
        let ticket = grant(&quick, "u-1", &wish("image/jpeg", photo.len())).await;
        assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
        world.proxy.set(Fault::SilentAfter(requests));
        let held = complete(&slow, "u-1", &ticket.upload_id);
        let overtaken = async {
            world.proxy.requests(requests + 1).await;
            let done: UploadDone = complete(&quick, "u-1", &ticket.upload_id).await.read();
            sleep(FORGOTTEN).await;
            world.proxy.set(Fault::None);
            done
        };
        let (late, done) = tokio::join!(held, overtaken);
        assert_eq!(late.read::<UploadDone>(), done);
        // And whoever asks later finds it done.
        sleep(FORGOTTEN).await;
        assert_eq!(complete(&slow, "u-1", &ticket.upload_id).await.read::<UploadDone>(), done);
        assert_eq!(world.files(&room("team-1")).await.len(), number + 1, "held at {requests}");
    }
}
