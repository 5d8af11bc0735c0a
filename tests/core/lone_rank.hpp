#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "core/async/operation.hpp"
#include "core/async/standby.hpp"
#include "tests/core/queue_transport.hpp"

namespace locum::tests {

/// A rank alone, with or without threads of its own: for operations that are tried by themselves.
struct LoneRank {
  explicit LoneRank(bool threads = true,
                    const std::shared_ptr<Transport>& transport = queue_transports(1).front())
      : exchange(std::make_shared<Exchange>(transport, std::make_shared<Metrics>(), ExchangeOptions{})),
        standby(threads, WaitBudget::of_standby(exchange->options().patience)),
        progress(transport, exchange, {.helper = threads, .on_thread_start = {}}) {
    progress.start();
  }
  ~LoneRank() { standby.close(); }

  template <class T>
  [[nodiscard]] Held<OperationOf<T>> operation(Task<T> first) {
    return OperationOf<T>::make(progress, standby, std::move(first));
  }
  [[nodiscard]] Operation::Clock::time_point soon() const {
    return progress.now() + std::chrono::seconds(60);
  }

  std::shared_ptr<Exchange> exchange;
  Standby standby;
  Progress progress;
};

}  // namespace locum::tests
