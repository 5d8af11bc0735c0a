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

 private:
  struct Cleanup {
    void operator()(ucp_context_h context) const noexcept { ucp_cleanup(context); }
  };

  std::unique_ptr<ucp_context, Cleanup> handle_;
};

}  // namespace locum::ucx
