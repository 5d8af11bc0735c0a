#include "core/tier/write_back.hpp"

#include <string>

#include "core/tier/unwritten_names.hpp"

namespace locum {

Result<Sealed> WriteBack::seal(const ObjectDraft& draft, const SealOptions& options, Moment until) {
  const std::uint64_t size_bytes = draft.bytes.size();
  if (TierWriter::is_for_back_alone(draft) || size_bytes > background_->most_bytes()) {
    return writer_->seal(draft, options, until);
  }
  if (const auto admitted = background_->admit(size_bytes, until); !admitted) {
    writer_->discard(draft);
    return admitted.error();
  }
  UnwrittenName unwritten{.record = {},
                          .store = draft.meta.store,
                          .store_name = parts_->stores.name_of(draft.meta.store),
                          .name = std::string(draft.meta.name),
                          .checksum = draft.meta.checksum};
  if (const auto recorded = parts_->unwritten.add(unwritten, parts_->room, until); !recorded) {
    background_->release(size_bytes);
    if (recorded.error().code() == Errc::out_of_memory) {
      return writer_->seal(draft, options, until);
    }
    writer_->discard(draft);
    return recorded.error();
  }
  auto sealed = publish(draft, Address(unwritten.store, unwritten.name), options, until);
  if (sealed) {
    background_->add(unwritten, size_bytes);
  } else {
    parts_->unwritten.remove(unwritten.record);
    background_->release(size_bytes);
  }
  return sealed;
}

// Who replaces a name that is in memory needs no claim: memory decides, and what it has is written in its
// order.
Result<Sealed> WriteBack::publish(const ObjectDraft& draft, const Address& name, const SealOptions& options,
                                  Moment until) {
  if (options.mode == SealMode::put) {
    return put(draft, name, until);
  }
  if (auto may = writer_->may_change(name, options, until); !may) {
    writer_->discard(draft);
    return may.error();
  }
  const auto is_in_memory =
      options.expected_generation == 0 ? Result<bool>(true) : parts_->front->exists(name, until);
  if (!is_in_memory) {
    writer_->discard(draft);
    return is_in_memory.error();
  }
  // Else the expected generation is the backend's.
  return parts_->front->seal(draft, *is_in_memory ? options : SealOptions(), until);
}

Result<Sealed> WriteBack::put(const ObjectDraft& draft, const Address& name, Moment until) {
  const auto claim = parts_->claims.take(name, until);
  auto may = claim ? writer_->may_change(name, {}, until) : Result<void>(claim.error());
  if (may) {
    const auto is_kept = reader_->is_in_back(name, until);
    may = !is_kept   ? Result<void>(is_kept.error())
          : *is_kept ? Result<void>(name_is_taken())
                     : Result<void>();
  }
  if (!may) {
    writer_->discard(draft);
    return may.error();
  }
  return parts_->front->seal(draft, {}, until);
}

}  // namespace locum
