#include "core/raw_promise.hpp"
#include "core/raw_proxy.hpp"
#include "core/raw_value.hpp"

namespace locum {

RawProxy RawPromise::proxy() const {
  return *this ? RawProxy(detail::origin_of(session(), handle(0))) : RawProxy();
}

Result<Key> RawPromise::set(const RawValue& value, const CallOptions& options) {
  const Deadline deadline = options.deadline;
  return set_stored(deadline, [&](std::string_view name, bool named) {
    return store_raw(name, named, value, {}, {}, deadline);
  });
}

Result<Key> RawPromise::set_bytes(std::span<const std::byte> bytes, const CallOptions& options) {
  const Deadline deadline = options.deadline;
  return set_stored(deadline, [&](std::string_view name, bool named) {
    return store_bytes(name, named, bytes, {}, deadline);
  });
}

Result<Key> RawPromise::set_object(const RawView& object, const CallOptions& options) {
  return object ? set_existing(object.key(), object.bytes().size(), options.deadline)
                : Result<Key>(Error(Errc::invalid_argument, "this view shows no object; get one first"));
}

}  // namespace locum
