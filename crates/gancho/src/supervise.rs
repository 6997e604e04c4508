//! Tasks that live as long as the process. One that ends by itself, or panics, ends all: better restarted by a
//! supervisor than half alive.

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
    /// Starts one. It ends well only after a stop.
    pub fn spawn<E: Display>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.set.spawn(async move { task.await.map_err(|error| error.to_string()) });
        self.names.insert(handle.id(), name);
        handle
    }

    /// The same with one that can't fail.
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

    /// Waits until one ends; says which, and why.
    pub async fn ended(&mut self) -> String {
        match self.set.join_next_with_id().await {
            Some(Ok((id, Ok(())))) => format!("the task {} ended by itself", self.name(id)),
            Some(Ok((id, Err(why)))) => format!("the task {} failed: {why}", self.name(id)),
            Some(Err(error)) => format!("the task {} {}", self.name(error.id()), panicked(error)),
            None => std::future::pending().await,
        }
    }

    /// Waits after a stop until all have ended, so long at most.
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
            tracing::warn!("not all has ended in time after the stop");
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
