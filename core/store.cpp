#include "core/store.hpp"

#include <cstring>

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
  return ObjectInfo{facts.key,         facts.size_bytes,    std::string(facts.type_name),
                    facts.layout,      facts.element_bytes, facts.extents,
                    facts.key.creator, facts.generation,    std::string(facts.name)};
}

}  // namespace

Result<void> Store::usable(const Address& address) const {
  if (session().closed() || open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
    return session().explain(address, detail::closed_error(*open_));
  }
  return {};
}

Result<void> Store::usable(std::string_view name) const {
  if (name.empty() || name.size() > max_name_bytes) {
    return Error(Errc::invalid_argument,
                 "a name is 1 byte to 64 KiB long, this one has " + std::to_string(name.size()))
        .at_rank(session().options().rank);
  }
  return usable(Address(open_->number, name));
}

Error Store::refusal(const Key& key) const {
  if (const auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return session().explain(
      key, Error(Errc::not_found, "the key is of store " + std::to_string(key.store) + ", this is store " +
                                      std::to_string(open_->number)));
}

Error Store::refusal(std::string_view name) const {
  return usable(name).error();
}

Result<ObjectView> Store::describe(const Key& key, Deadline deadline) {
  return key.store == open_->number && usable(Address(key))
             ? session().describe(Address(key), effective(deadline))
             : Result<ObjectView>(refusal(key));
}

Result<ObjectView> Store::describe(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? session().describe(Address(open_->number, name), effective(deadline))
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> Store::fetch_part(const Key& key, const Part& part, std::uint64_t element_bytes,
                                     Deadline deadline) {
  return key.store == open_->number && usable(Address(key))
             ? fetch_part_at(Address(key), part, element_bytes, deadline)
             : Result<ObjectView>(refusal(key));
}

Result<ObjectView> Store::fetch_part(std::string_view name, const Part& part, std::uint64_t element_bytes,
                                     Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? fetch_part_at(Address(open_->number, name), part, element_bytes, deadline)
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> Store::fetch_part_at(const Address& address, const Part& part, std::uint64_t element_bytes,
                                        Deadline deadline) {
  const auto range = range_of(part, element_bytes);
  return range ? session().fetch_part(address, *range, effective(deadline))
               : Result<ObjectView>(session().explain(address, range.error()));
}

Result<ObjectView> Store::fetch_hyperslab(const Key& key, const Hyperslab& slab, std::uint64_t element_bytes,
                                          Deadline deadline) {
  return key.store == open_->number && usable(Address(key))
             ? session().fetch_hyperslab(Address(key), slab, element_bytes, effective(deadline))
             : Result<ObjectView>(refusal(key));
}

Result<ObjectView> Store::fetch_hyperslab(std::string_view name, const Hyperslab& slab,
                                          std::uint64_t element_bytes, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? session().fetch_hyperslab(Address(open_->number, name), slab, element_bytes,
                                             effective(deadline))
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> Store::await(std::string_view name, Deadline deadline) {
  const Address address(open_->number, name);
  if (auto allowed = usable(name); !allowed) {
    return allowed.error();
  }
  auto object = session().connector().wait(address, effective(deadline),
                                           [this, name] { return usable(name).has_value(); });
  if (!object && object.error().code() == Errc::timeout) {
    if (auto allowed = usable(name); !allowed) {
      return allowed.error();
    }
  }
  return object ? std::move(object) : session().explain(address, object.error());
}

// The draft is made where the caller wants it: it is too large to be moved about.
Result<ObjectDraft> Store::allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                    Deadline deadline) {
  if (const auto allowed = named ? usable(meta.name) : usable(Address(open_->number, meta.name)); !allowed)
      [[unlikely]] {
    return allowed.error();
  }
  meta.checksum = open_->options.checksum;
  return session().connector().create(size_bytes, meta, effective(deadline));
}

Error Store::no_draft(std::string_view name, const Error& error) const {
  return error.rank() >= 0 ? error : session().explain({open_->number, name}, error);
}

Result<Store::Made> Store::seal(const ObjectDraft& draft, std::string_view name, const SealOptions& options,
                                Deadline deadline) {
  const auto sealed = session().connector().seal(draft, options, effective(deadline));
  if (!sealed) {
    return session().explain({open_->number, name}, sealed.error());
  }
  if (open_->dropped_meanwhile()) [[unlikely]] {
    (void)session().connector().evict(Address(sealed->key), {});
    return refusal(sealed->key);
  }
  session().metrics().count_write(Path::shm_copy, draft.bytes.size());
  return Made{sealed->key, sealed->generation, draft.bytes.size()};
}

Result<Store::Made> Store::store_bytes(std::string_view name, bool named, std::span<const std::byte> bytes,
                                       Deadline deadline) {
  constexpr const TypeIdentity& identity = type_identity<std::byte[]>;
  auto draft =
      allocate(bytes.size(), {open_->number, 1, 16, identity.hash, identity.name, name, Layout::bytes, {}},
               named, deadline);
  if (!draft) {
    return no_draft(name, draft.error());
  }
  if (!bytes.empty()) {
    std::memcpy(draft->bytes.data(), bytes.data(), bytes.size());
  }
  return seal(*draft, name, {}, deadline);
}

Result<View<std::byte[]>> Store::bytes_of(Result<ObjectView> object) {
  if (!object) {
    return object.error();
  }
  session().metrics().count_read(object->path(), object->bytes().size());
  return View<std::byte[]>(*std::move(object));
}

Result<bool> Store::exists_at(const Address& address, Deadline deadline) {
  auto found = session().connector().exists(address, effective(deadline));
  return found ? std::move(found) : session().explain(address, found.error());
}

Result<bool> Store::exists(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return key.store == open_->number ? exists_at(key, deadline) : false;
}

Result<bool> Store::exists(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? exists_at({open_->number, name}, deadline) : allowed.error();
}

Result<bool> Store::evict_at(const Address& address, Deadline deadline) {
  auto evicted = session().connector().evict(address, effective(deadline));
  if (!evicted) {
    return session().explain(address, evicted.error());
  }
  if (*evicted) {
    Metrics::increment(session().metrics().evictions);
  }
  return evicted;
}

Evicted Store::evict(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Result<bool>(allowed.error());
  }
  return key.store == open_->number ? evict_at(key, deadline) : Result<bool>(false);
}

Evicted Store::evict(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? evict_at({open_->number, name}, deadline) : Result<bool>(allowed.error());
}

Result<std::vector<std::string>> Store::keys(std::string_view prefix, Deadline deadline) {
  const Address address(open_->number, prefix);
  if (auto allowed = usable(address); !allowed) {
    return allowed.error();
  }
  auto names = session().connector().list(open_->number, prefix, effective(deadline));
  return names ? std::move(names) : session().explain(address, names.error());
}

Result<ObjectInfo> Store::info(const Key& key, Deadline deadline) {
  return info_of(describe(key, deadline));
}

Result<ObjectInfo> Store::info(std::string_view name, Deadline deadline) {
  return info_of(describe(name, deadline));
}

}  // namespace locum
