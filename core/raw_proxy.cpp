#include "core/raw_proxy.hpp"

#include <utility>

namespace locum {

RawProxy::RawProxy(std::weak_ptr<detail::SessionState> session, const Handle& handle,
                   std::optional<Error> refusal)
    : StandIn(std::move(session), handle, std::move(refusal),
              [](detail::SessionState& open, ObjectView&& object, const detail::DecodedHow& /*how*/) {
                return Result<RawView>(detail::raw_view(open, std::move(object)));
              }) {}

}  // namespace locum
