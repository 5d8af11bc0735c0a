#pragma once

#include <ucp/api/ucp.h>

#include <memory>

namespace locum::ucx {

/// UCX as it was configured for one runtime: which devices and lanes there are. Made before its workers, ends
/// after them. One thread.
class Context {
 public:
  /// `ranks`: how many there are to talk to, by which UCX chooses among its lanes. `remote_memory`: whether
  /// they read each other's memory. Throws Error.
  Context(int ranks, bool remote_memory);

  [[nodiscard]] ucp_context_h handle() const noexcept { return handle_.get(); }
  /// Whether memory that a peer is to read or write must be registered by who sends and receives: UCX 1.16
  /// and later end the process where they have to give up a registration of their own, without a cache of
  /// them, because the peer is dead (ucp_memh_invalidate() of 1.16 to 1.20).
  [[nodiscard]] bool wants_registered() const noexcept { return wants_registered_; }

 private:
  struct Cleanup {
    void operator()(ucp_context_h context) const noexcept { ucp_cleanup(context); }
  };

  bool wants_registered_ = false;
  std::unique_ptr<ucp_context, Cleanup> handle_;
};

}  // namespace locum::ucx
