#pragma once

#include <memory>
#include <optional>

#include <locum/handle.hpp>
#include <locum/proxy.hpp>
#include <locum/raw_view.hpp>

namespace locum {

/// A stand-in for an object whose type is known only at run time: see Proxy. Its get() returns a RawView.
class RawProxy : public StandIn<RawView> {
 public:
  /// Makes an empty stand-in; every use is `invalid_argument`.
  RawProxy() = default;
  /// Called by Session::raw_proxy, Runtime::raw_proxy and RawStore. `refusal`: the error of a wrong handle.
  RawProxy(std::weak_ptr<detail::SessionState> session, const Handle& handle,
           std::optional<Error> refusal = {});
};

}  // namespace locum
