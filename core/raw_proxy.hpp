#pragma once

#include <locum/proxy.hpp>
#include <locum/raw_view.hpp>

namespace locum {

/// A stand-in for an object whose type is known only at run time: see Proxy. Its get() returns a RawView.
class RawProxy : public StandIn<RawView> {
 public:
  /// Makes an empty stand-in; every use is `invalid_argument`.
  RawProxy() = default;
  /// Made by Session::raw_proxy, Runtime::raw_proxy and RawStore.
  explicit RawProxy(detail::StandInOrigin origin);
};

}  // namespace locum
