// Of Store: reads objects whose types are known only at run time.
#include "core/record_of.hpp"
#include "core/store.hpp"

namespace locum {

Result<Record> Store::get(const Key& key, const CallOptions& options) const {
  auto object = fetch(key, options.deadline);
  return object ? detail::record_of(session(), RawView(std::move(*object))) : Result<Record>(object.error());
}

Result<Record> Store::get(std::string_view name, const CallOptions& options) const {
  auto object = fetch(name, options.deadline);
  return object ? detail::record_of(session(), RawView(std::move(*object))) : Result<Record>(object.error());
}

}  // namespace locum
