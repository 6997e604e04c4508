//! Tasks that live as long as the process. If one ends or panics, all end: a restart by a supervisor is better than
//! running partially.

use std::{collections::HashMap, fmt::Display, time::Duration};

use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::timeout,
};

/// The tasks, each with its name.
#[derive(Default)]
pub struct Tasks {
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts a task. It may end only after a stop.
    pub fn spawn<E: Display>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.set.spawn(async move { task.await.map_err(|error| error.to_string()) });
        self.names.insert(handle.id(), name);
        handle
    }

    /// The same for an infallible task.
    pub fn spawn_endless(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        self.spawn(name, async move {
            task.await;
            Ok::<_, String>(())
        })
    }

    /// Waits until one ends; returns its name and the reason.
    pub async fn ended(&mut self) -> String {
        match self.set.join_next_with_id().await {
            Some(Ok((id, Ok(())))) => format!("the task {} ended by itself", self.name(id)),
            Some(Ok((id, Err(why)))) => format!("the task {} failed: {why}", self.name(id)),
            Some(Err(error)) => format!("the task {} {}", self.name(error.id()), panicked(error)),
            None => std::future::pending().await,
        }
    }

    /// After a stop, waits until all have ended, with a timeout.
    pub async fn finish(&mut self, patience: Duration) {
        let all = async {
            while let Some(ended) = self.set.join_next_with_id().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((id, Err(why))) => tracing::error!(task = self.name(id), why, "a task failed after the stop"),
                    Err(error) if error.is_panic() => {
                        tracing::error!(
                            task = self.name(error.id()),
                            why = panicked(error),
                            "a task failed after the stop"
                        );
                    }
                    Err(_) => {}
                }
            }
        };
        if timeout(patience, all).await.is_err() {
            tracing::warn!("some tasks have not ended in time after the stop");
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("of no name")
    }
}

fn panicked(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            format!("panicked: {text}")
        }
        Err(_) => "was cancelled".to_owned(),
    }
}
