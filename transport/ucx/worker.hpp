#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "transport/ucx/context.hpp"

namespace locum::ucx {

/// One UCX worker: the end of all connections of a process, and their progress. Called by one thread at a
/// time, not always the same. Destroyed before its context.
class Worker {
 public:
  /// Throws Error.
  explicit Worker(const Context& context);

  [[nodiscard]] ucp_worker_h handle() const noexcept { return handle_.get(); }
  /// Its address, to be passed to the other ranks.
  [[nodiscard]] std::vector<std::byte> address() const;
  /// Readable when there is something to move, once armed.
  [[nodiscard]] int event_descriptor() const noexcept { return event_descriptor_; }
  [[nodiscard]] std::size_t max_header_bytes() const;

  /// Whether anything happened.
  bool progress() noexcept { return ucp_worker_progress(handle_.get()) != 0; }
  /// False: there already is something to move.
  [[nodiscard]] bool arm() noexcept;

 private:
  struct Destroy {
    void operator()(ucp_worker_h worker) const noexcept { ucp_worker_destroy(worker); }
  };

  std::unique_ptr<ucp_worker, Destroy> handle_;
  int event_descriptor_ = -1;  ///< owned by the worker
};

}  // namespace locum::ucx
