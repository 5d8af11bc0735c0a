#include "core/detail/file_load.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "core/detail/promise_state.hpp"
#include "core/detail/representation.hpp"
#include "core/hyperslab.hpp"
#include "core/node/promised.hpp"

namespace locum::detail {

namespace {

Error damaged_record() {
  return Error(Errc::corrupt,
               "the record of this part of a file is damaged; look for a rank that writes through a wild "
               "pointer");
}

Result<Sealed> put_record(SessionState& session, const Key& promised, const PromiseRecord& record,
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

Extents extents_of(const std::vector<std::uint64_t>& values) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(std::min(values.size(), max_rank));
  std::copy_n(values.begin(), extents.rank, extents.values.begin());
  return extents;
}

/// One attempt to be the reader of a part.
class Attempt {
 public:
  Attempt(SessionState& session, FileReader& reader, const Key& promised, const LoadHow& how)
      : session_(session), reader_(reader), promised_(promised), how_(how) {}

  /// None: another one is faster.
  [[nodiscard]] std::optional<Result<ObjectView>> operator()(const FilePart& part, std::uint64_t generation) {
    if (how_.in_background && !reader_.may_read_in_background(part)) {
      return Result<ObjectView>(
          Error(Errc::timeout,
                "HDF5 reads this part, which is not built for several threads here: it is read when it is "
                "first used, in the thread that uses it"));
    }
    const auto store = std::make_shared<OpenStore>();
    store->session = session_.shared_from_this();
    store->number = promised_.store;
    session_.add(store);  // so that it learns if the store is dropped
    const auto turn = PromiseState::make(store, {}, how_.until);
    if (!turn) {
      return Result<ObjectView>(turn.error());
    }
    const PromiseRecord entered{.state = PromiseRecord::State::in_file, .value = (*turn)->key()};
    const auto claimed =
        put_record(session_, promised_, entered, part,
                   {.mode = SealMode::replace, .expected_generation = generation}, how_.until);
    if (!claimed) {
      (*turn)->give_up();
      const Errc code = claimed.error().code();
      return code == Errc::stale || code == Errc::not_found
                 ? std::nullopt
                 : std::optional(Result<ObjectView>(claimed.error()));
    }
    auto object = filled(*store, part, claimed->generation);
    if (object) {
      (void)(*turn)->keep_elsewhere({.key = object->key(), .size_bytes = object->bytes().size()}, how_.until);
    } else {
      // Best done before others learn that this attempt is over, but they take it over as well.
      (void)put_record(session_, promised_, {.state = PromiseRecord::State::in_file}, part,
                       {.mode = SealMode::replace, .expected_generation = claimed->generation}, {});
      (*turn)->give_up();
    }
    return object;
  }

 private:
  [[nodiscard]] Result<ObjectView> filled(OpenStore& store, const FilePart& part, std::uint64_t generation) {
    Connector& connector = session_.connector();
    const std::string name = connector.name_of(promised_);
    ObjectMeta meta;
    meta.store = promised_.store;
    meta.element_bytes = part.element_bytes;
    // As far as the size of an element allows.
    const std::uint32_t allowed = part.element_bytes & (~part.element_bytes + 1);
    meta.alignment = std::clamp<std::uint32_t>(allowed, 16, largest_alignment);
    meta.type_name = part.type;
    meta.type_hash = text_hash(part.type);
    meta.name = name;
    meta.layout = static_cast<Layout>(part.layout);
    meta.extents = meta.layout == Layout::array ? extents_of(part.count) : Extents();
    std::uint64_t bytes = part.element_bytes;
    for (const std::uint64_t count : part.count) {
      bytes *= count;
    }
    const auto draft = connector.create(bytes, meta, how_.until);
    if (!draft) {
      return draft.error();
    }
    const auto done = reader_.read(part, draft->bytes, how_.stopped);
    if (!done || session_.closed()) {
      session_.discard(*draft);
      return done ? session_.closed_error() : done.error();
    }
    const auto sealed =
        connector.seal(*draft, {.mode = SealMode::replace, .expected_generation = generation}, {});
    if (!sealed) {
      return sealed.error();
    }
    if (store.dropped_meanwhile()) {
      (void)connector.evict(Address(sealed->key), {});
      return no_such_object();
    }
    session_.metrics().count_write(Path::shm_copy, bytes);
    return connector.get(Address(sealed->key), {});
  }

  SessionState& session_;
  FileReader& reader_;
  const Key promised_;
  const LoadHow& how_;
};

// What stands in memory that others write is not believed.
bool is_valid(const FilePart& part) {
  const std::size_t rank = part.extents.size();
  const bool has_rank = rank > 0 && rank <= max_rank && part.start.size() == rank &&
                        part.count.size() == rank && part.stride.size() == rank;
  if (!has_rank || part.element_bytes == 0 || part.layout > static_cast<std::uint8_t>(Layout::encoded)) {
    return false;
  }
  const bool is_empty = std::ranges::find(part.count, 0U) != part.count.end();
  return is_empty || packed_bytes({.start = extents_of(part.start),
                                   .count = extents_of(part.count),
                                   .stride = extents_of(part.stride)},
                                  part.element_bytes);
}

}  // namespace

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
      put_record(session, promised, {.state = PromiseRecord::State::in_file}, part, {}, deadline);
  return put || put.error().code() == Errc::key_exists ? Result<void>() : Result<void>(put.error());
}

std::optional<Result<ObjectView>> load_file_part(SessionState& session, FileReader& reader,
                                                 const Key& promised, const LoadHow& how) {
  Connector& connector = session.connector();
  const std::string name = connector.name_of(promised);
  const Address at(promised.store, name);
  Key ended;  // the last reader whose end this thread has seen
  for (;;) {
    auto found = connector.get(at, how.until);
    if (!found) {
      return session.missed(promised, found.error());
    }
    const auto waiting_for = in_file(*found);
    if (!waiting_for) {
      return found;
    }
    if (waiting_for->valid() && *waiting_for != ended) {
      const auto end = connector.wait(Address(promised.store, connector.name_of(*waiting_for)), how.patience,
                                      [&session] { return !session.closed(); });
      if (session.closed()) {
        return session.closed_error();
      }
      if (!end && end.error().code() == Errc::timeout) {
        if (session.completions()->now() < how.until) {
          return std::nullopt;
        }
        return session.explain(promised, Error(Errc::timeout,
                                               "another rank is still reading this part of the file; wait "
                                               "longer"));
      }
      ended = *waiting_for;  // set, broken, or its rank has died
      continue;
    }
    const auto part = file_part_in(*found);
    if (!part) {
      return session.explain(promised, part.error());
    }
    const std::uint64_t generation = found->facts().generation;
    *found = ObjectView();
    if (auto object = Attempt(session, reader, promised, how)(*part, generation)) {
      return *object ? std::move(*object) : session.explain(promised, object->error());
    }
  }
}

}  // namespace locum::detail
