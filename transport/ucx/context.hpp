#pragma once

#include <ucp/api/ucp.h>

#include <memory>
#include <string>

namespace locum::ucx {

/// UCX configured for one runtime: its devices and lanes. Created before its workers, destroyed after them.
/// One thread.
class Context {
 public:
  /// `ranks`: the number of ranks to talk to, by which UCX chooses among its lanes. `remote_memory`: whether
  /// they read each other's memory. Throws Error.
  Context(int ranks, bool remote_memory);

  [[nodiscard]] ucp_context_h handle() const noexcept { return handle_.get(); }
  /// Whether sender and receiver must register memory that a peer reads or writes: UCX 1.16 and later end the
  /// process if they have to give up one of their own registrations, without a registration cache, because
  /// the peer is dead (ucp_memh_invalidate() of 1.16 to 1.20).
  [[nodiscard]] bool wants_registered() const noexcept { return wants_registered_; }

  /// UCX's version, and the lanes with their devices that it may choose among, for people:
  /// "UCX 1.13.1 with tcp/eth0, posix/memory".
  [[nodiscard]] std::string description() const;

 private:
  struct Cleanup {
    void operator()(ucp_context_h context) const noexcept { ucp_cleanup(context); }
  };

  bool wants_registered_ = false;
  std::unique_ptr<ucp_context, Cleanup> handle_;
};

}  // namespace locum::ucx
