#include "core/raw_proxy.hpp"
#include "core/raw_view.hpp"

#include <utility>

namespace locum {

RawProxy::RawProxy(detail::StandInOrigin origin)
    : StandIn(std::move(origin),
              [](detail::SessionState& open, ObjectView&& object, const detail::DecodedHow& /*how*/) {
                return Result<RawView>(detail::raw_view(open, std::move(object)));
              }) {}

}  // namespace locum
