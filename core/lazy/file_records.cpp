#include "core/lazy/file_records.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/detail/representation.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/errors.hpp"
#include "core/value/hyperslab.hpp"

namespace locum::detail {

namespace {

Error damaged_record() {
  return memory_damaged("the record of this part of a file is damaged");
}

// What stands in memory that others write is not believed.
bool is_valid(const FilePart& part) {
  const std::size_t rank = part.extents.size();
  const bool has_rank = rank > 0 && rank <= max_rank && part.start.size() == rank &&
                        part.count.size() == rank && part.stride.size() == rank;
  if (!has_rank || part.element_bytes == 0 || part.layout > static_cast<std::uint8_t>(Layout::encoded)) {
    return false;
  }
  const bool is_empty = std::ranges::find(part.count, 0U) != part.count.end();
  return is_empty || packed_bytes({.start = file_extents(part.start),
                                   .count = file_extents(part.count),
                                   .stride = file_extents(part.stride)},
                                  part.element_bytes);
}

}  // namespace

// A record does not have the part that was asked for; or shows some of its bytes.
bool may_be_in_file(const Result<ObjectView>& found) noexcept {
  return found ? is_promise_record(found->type_hash()) && !kept_elsewhere(*found)
               : found.error().code() == Errc::invalid_argument;
}

Extents file_extents(const std::vector<std::uint64_t>& values) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(std::min(values.size(), max_rank));
  std::copy_n(values.begin(), extents.rank, extents.values.begin());
  return extents;
}

Result<Sealed> put_file_record(SessionState& session, const Key& promised, const PromiseRecord& record,
                               const FilePart& part, const SealOptions& options, Deadline deadline) {
  const auto part_bytes = stored_bytes(part);
  if (!part_bytes) {
    return part_bytes.error();
  }
  const std::string name = session.connector().name_of(promised);
  ObjectMeta meta = meta_of(promised.store, name, record);
  meta.layout = Layout::encoded;
  meta.element_bytes = 1;
  const auto draft = session.connector().create(sizeof record + *part_bytes, meta, deadline);
  if (!draft) {
    return draft.error();
  }
  std::memcpy(draft->bytes.data(), &record, sizeof record);
  if (const auto written = store_value(part, draft->bytes.subspan(sizeof record)); !written) {
    session.discard(*draft);
    return written.error();
  }
  return session.connector().seal(*draft, options, deadline);
}

Result<FilePart> file_part_in(const ObjectView& record) {
  if (!in_file(record)) {
    return damaged_record();
  }
  const auto part = load_value<FilePart>(record.bytes().subspan(sizeof(PromiseRecord)), {});
  return part && is_valid(**part) ? Result<FilePart>(**part) : damaged_record();
}

Result<void> put_file_part(SessionState& session, const Key& promised, const FilePart& part,
                           Deadline deadline) {
  const auto put =
      put_file_record(session, promised, {.state = PromiseRecord::State::in_file}, part, {}, deadline);
  return put || put.error().code() == Errc::key_exists ? Result<void>() : Result<void>(put.error());
}

Result<Sealed> put_promise_record(SessionState& session, std::uint32_t store, std::string_view name,
                                  const PromiseRecord& record, const SealOptions& options,
                                  Deadline deadline) {
  const auto draft = session.connector().create(sizeof record, meta_of(store, name, record), deadline);
  if (!draft) {
    return draft.error();
  }
  std::memcpy(draft->bytes.data(), &record, sizeof record);
  return session.connector().seal(*draft, options, deadline);
}

Result<void> put_restored_part(SessionState& session, const Key& promised, const FilePart& part,
                               Deadline deadline, std::vector<Key>& made) {
  if (!part.name.empty()) {
    const auto leads =
        put_promise_record(session, promised.store, part.name,
                           {.state = PromiseRecord::State::same_as, .value = promised}, {}, deadline);
    if (!leads) {
      return leads.error();
    }
    made.push_back(leads->key);
  }
  // An object without a name may be there, from a restore before: read, or to be read.
  constexpr PromiseRecord record{.state = PromiseRecord::State::in_file};
  const SealOptions at_first{.mode = part.name.empty() ? SealMode::put : SealMode::replace};
  auto put = put_file_record(session, promised, record, part, at_first, deadline);
  if (!put && put.error().code() == Errc::key_exists && at_first.mode == SealMode::put) {
    const auto there =
        session.connector().get(Address(promised.store, session.connector().name_of(promised)), deadline);
    if (there && !kept_elsewhere(*there)) {
      return Error(Errc::key_exists,
                   "this object was restored into this store before; restore into another one, or drop this "
                   "one first");
    }
    put = put_file_record(session, promised, record, part, {.mode = SealMode::replace}, deadline);
  }
  if (!put) {
    return put.error();
  }
  made.push_back(put->key);
  return {};
}

}  // namespace locum::detail
