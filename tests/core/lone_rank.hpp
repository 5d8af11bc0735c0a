#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "core/async/background_worker.hpp"
#include "core/async/operation.hpp"
#include "tests/core/queue_transport.hpp"

namespace locum::tests {

/// A rank alone, with or without threads of its own: for tests of single operations.
struct LoneRank {
  explicit LoneRank(bool threads = true,
                    const std::shared_ptr<Transport>& transport = queue_transports(1).front())
      : channel(std::make_shared<RpcChannel>(transport, std::make_shared<Metrics>(), RpcChannelOptions{})),
        worker(threads, WaitBudget::of_background(channel->options().patience)),
        progress(transport, channel, {.helper = threads}) {
    progress.start();
  }
  ~LoneRank() { worker.close(); }

  template <class T>
  [[nodiscard]] Held<OperationOf<T>> operation(Task<T> first) {
    return OperationOf<T>::make(progress, worker, std::move(first));
  }
  [[nodiscard]] Operation::Clock::time_point soon() const {
    return progress.now() + std::chrono::seconds(60);
  }

  std::shared_ptr<RpcChannel> channel;
  BackgroundWorker worker;
  Progress progress;
};

}  // namespace locum::tests
