#include "core/store.hpp"

#include <string>
#include <utility>
#include <vector>

#include "core/node/promised.hpp"

namespace locum {

namespace {

Result<ObjectInfo> info_of(const Result<ObjectView>& object) {
  if (!object) {
    return object.error();
  }
  const ObjectFacts facts = object->facts();
  if (!facts.whole) {
    return Error(Errc::corrupt,
                 "what stands behind this object's payload (type, extents, name) was overwritten")
        .about(to_string(facts.key));
  }
  const auto [type, codec] = detail::type_and_codec(facts.type_name);
  return ObjectInfo{facts.key,         facts.size_bytes,    std::string(type),
                    facts.layout,      facts.element_bytes, facts.extents,
                    facts.key.creator, facts.generation,    std::string(facts.name),
                    std::string(codec)};
}

}  // namespace

Result<ObjectView> Store::await(std::string_view name, Deadline deadline) const {
  const Address address(open_->number, name);
  if (auto allowed = usable(name); !allowed) {
    return allowed.error();
  }
  auto object =
      session().await(address, effective(deadline), [this, name] { return usable(name).has_value(); });
  if (!object && object.error().code() == Errc::timeout) {
    if (auto allowed = usable(name); !allowed) {
      return allowed.error();
    }
  }
  return object ? std::move(object) : session().explain(address, object.error());
}

Handle Store::handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const {
  ObjectFacts facts;
  facts.key = made.key;
  facts.generation = made.generation;
  facts.size_bytes = made.size_bytes;
  facts.type_hash = identity.hash;
  facts.name = name;
  return session().handle_of(facts, open_->options);
}

Result<View<std::byte[]>> Store::bytes_of(Result<ObjectView> object) const {
  if (!object) {
    return object.error();
  }
  session().metrics().count_read(object->path(), object->bytes().size());
  return View<std::byte[]>(*std::move(object));
}

Result<bool> Store::exists(const Key& key, const CallOptions& options) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return key.store == open_->number ? exists_by_key(key, options.deadline) : Result<bool>(false);
}

Result<bool> Store::exists(std::string_view name, const CallOptions& options) const {
  const auto allowed = usable(name);
  return allowed ? exists_at({open_->number, name}, options.deadline) : allowed.error();
}

Evicted Store::evict(const Key& key, const CallOptions& options) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Result<bool>(allowed.error());
  }
  if (key.store != open_->number) {
    return Result<bool>(false);
  }
  return is_promised(key) ? evict_promised(key, options.deadline) : evict_at(key, options.deadline);
}

Evicted Store::evict(std::string_view name, const CallOptions& options) const {
  const auto allowed = usable(name);
  return allowed ? evict_at({open_->number, name}, options.deadline) : Result<bool>(allowed.error());
}

Result<std::vector<std::string>> Store::keys(std::string_view prefix, const CallOptions& options) const {
  const Address address(open_->number, prefix);
  if (auto allowed = usable(address); !allowed) {
    return allowed.error();
  }
  auto names = session().connector().list(open_->number, prefix, effective(options.deadline));
  if (names) {
    std::erase_if(*names, [](const std::string& name) { return is_reserved(name); });
  }
  return names ? std::move(names) : session().explain(address, names.error());
}

Result<ObjectInfo> Store::info(const Key& key, const CallOptions& options) const {
  return info_of(facts_of(key, options.deadline));
}

Result<ObjectInfo> Store::info(std::string_view name, const CallOptions& options) const {
  return info_of(facts_of(name, options.deadline));
}

}  // namespace locum
