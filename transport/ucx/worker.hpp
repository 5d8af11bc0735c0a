#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "transport/ucx/context.hpp"

namespace locum::ucx {

/// One UCX worker: the end of all connections of a process, and what moves them. Called by one thread at a
/// time, which may be another one each time. Ends before its context.
class Worker {
 public:
  /// Throws Error.
  explicit Worker(const Context& context);

  [[nodiscard]] ucp_worker_h handle() const noexcept { return handle_.get(); }
  /// By which others reach it: bytes to hand to them.
  [[nodiscard]] std::vector<std::byte> address() const;
  /// Readable when there is something to move, once armed.
  [[nodiscard]] int event_descriptor() const noexcept { return event_descriptor_; }
  [[nodiscard]] std::size_t max_header_bytes() const;

  /// Whether anything happened.
  bool progress() noexcept { return ucp_worker_progress(handle_.get()) != 0; }
  /// False: there is something to move already.
  [[nodiscard]] bool arm() noexcept;

 private:
  struct Destroy {
    void operator()(ucp_worker_h worker) const noexcept { ucp_worker_destroy(worker); }
  };

  std::unique_ptr<ucp_worker, Destroy> handle_;
  int event_descriptor_ = -1;  ///< the worker's own
};

}  // namespace locum::ucx
