#include "core/lazy/file_load.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/base/checksum.hpp"
#include "core/base/hash.hpp"
#include "core/detail/promise_state.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/representation.hpp"
#include "core/lazy/file_records.hpp"
#include "core/node/promised.hpp"
#include "core/value/errors.hpp"
#include "core/value/hyperslab.hpp"

namespace locum::detail {

namespace {

std::uint64_t bytes_of(const FilePart& part) {
  std::uint64_t bytes = part.element_bytes;
  for (const std::uint64_t count : part.count) {
    bytes *= count;
  }
  return bytes;
}

// Transient: the thread that uses the part can read it.
Error left_to_caller() {
  return Error(Errc::timeout,
               "this build of HDF5 serves one thread at a time, so that the thread that uses this part first "
               "has to read it: use it there")
      .as_transient();
}

bool is_gone(const Error& error) {
  return error.code() == Errc::not_found || error.code() == Errc::stale;
}

/// One attempt to be the reader of a part.
class Attempt {
 public:
  Attempt(SessionState& session, FileReader& reader, const Key& promised, const LoadHow& how)
      : session_(session), reader_(reader), promised_(promised), how_(how) {}

  /// None: another one is faster. `after_another`: who has not finished.
  [[nodiscard]] std::optional<Result<ObjectView>> operator()(const FilePart& part, std::uint64_t generation,
                                                             bool after_another) {
    if (how_.in_background && !reader_.may_read_in_background(part)) {
      return Result<ObjectView>(left_to_caller());
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
        put_file_record(session_, promised_, entered, part,
                        {.mode = SealMode::replace, .expected_generation = generation}, how_.until);
    if (!claimed) {
      (*turn)->give_up();
      return is_gone(claimed.error()) ? std::nullopt : std::optional(Result<ObjectView>(claimed.error()));
    }
    auto object =
        after_another && !part.name.empty() ? left_by_another(part) : Result<ObjectView>(no_such_object());
    if (!object) {
      object = filled(*store, part, claimed->generation);
    }
    if (object) {
      lead_to(*object, part, claimed->generation);
      (void)(*turn)->keep_elsewhere({.key = object->key(), .size_bytes = object->bytes().size()}, how_.until);
    } else {
      // Best done before others learn that this attempt is over, but they take it over as well.
      leave(part, claimed->generation);
      (*turn)->give_up();
    }
    return object;
  }

 private:
  /// A name that the object is to have, and the generation of what stands under it.
  struct Place {
    std::string name;
    std::uint64_t generation = 0;
  };

  // A name that was evicted, or bound to another object, has no object of this part any more.
  [[nodiscard]] Result<Place> place_of(const FilePart& part, std::uint64_t claimed) {
    if (part.name.empty()) {
      return Place{session_.connector().name_of(promised_), claimed};
    }
    const auto stands = session_.connector().get(Address(promised_.store, part.name), how_.until);
    const bool is_ours = stands && same_as(*stands) == promised_;
    is_over_ = stands ? !is_ours : is_gone(stands.error());
    if (!is_ours) {
      return stands ? object_replaced() : stands.error();
    }
    const std::uint64_t noted = stands->facts().generation;
    return Place{part.name, noted != 0 ? noted : ~std::uint64_t{0}};
  }

  // A reader that died may have bound the name before, and did not say so.
  [[nodiscard]] Result<ObjectView> left_by_another(const FilePart& part) {
    auto stands = session_.connector().get(Address(promised_.store, part.name), how_.until);
    const bool is_it = stands && stands->type_hash() == text_hash(part.type) &&
                       stands->bytes().size() == bytes_of(part) && checksum(stands->bytes()) == part.checksum;
    return is_it ? std::move(stands) : Result<ObjectView>(no_such_object());
  }

  [[nodiscard]] Result<ObjectView> filled(OpenStore& store, const FilePart& part, std::uint64_t claimed) {
    const auto place = place_of(part, claimed);
    if (!place) {
      return place.error();
    }
    Connector& connector = session_.connector();
    ObjectMeta meta;
    meta.store = promised_.store;
    meta.element_bytes = part.element_bytes;
    // As far as the size of an element allows.
    const std::uint32_t allowed = part.element_bytes & (~part.element_bytes + 1);
    meta.alignment = std::clamp<std::uint32_t>(allowed, 16, largest_alignment);
    meta.type_name = part.type;
    meta.type_hash = text_hash(part.type);
    meta.name = place->name;
    meta.layout = static_cast<Layout>(part.layout);
    meta.extents = meta.layout == Layout::array ? file_extents(part.count) : Extents();
    meta.checksum = part.with_checksum != 0;
    meta.lifetime_ms = static_cast<std::uint64_t>(session_.lifetime_in(promised_.store).count());
    const std::uint64_t bytes = bytes_of(part);
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
        connector.seal(*draft, {.mode = SealMode::replace, .expected_generation = place->generation}, {});
    if (!sealed) {
      is_over_ = !part.name.empty() && is_gone(sealed.error());
      return sealed.error();
    }
    if (store.dropped_meanwhile()) {
      (void)connector.evict(Address(sealed->key), {});
      return no_such_object();
    }
    session_.metrics().count_write(Path::shm_copy, bytes);
    return connector.get(Address(sealed->key), {});
  }

  // Where the object has a name of its own, its promise is kept with it.
  void lead_to(const ObjectView& object, const FilePart& part, std::uint64_t claimed) {
    if (part.name.empty()) {
      return;
    }
    const PromiseRecord kept{.state = PromiseRecord::State::kept,
                             .value = object.key(),
                             .size_bytes = object.bytes().size(),
                             .name_hash = name_hash(promised_.store, part.name)};
    const auto put =
        put_promise_record(session_, promised_.store, session_.connector().name_of(promised_), kept,
                           {.mode = SealMode::replace, .expected_generation = claimed}, how_.until);
    if (put) {
      session_.promises().left_kept(put->key, object.key());
    }
  }

  void leave(const FilePart& part, std::uint64_t claimed) {
    if (is_over_) {
      (void)session_.connector().evict(Address(promised_.store, session_.connector().name_of(promised_)), {});
    } else {
      (void)put_file_record(session_, promised_, {.state = PromiseRecord::State::in_file}, part,
                            {.mode = SealMode::replace, .expected_generation = claimed}, {});
    }
  }

  SessionState& session_;
  FileReader& reader_;
  const Key promised_;
  const LoadHow& how_;
  bool is_over_ = false;  ///< nobody will need the part again
};

}  // namespace

bool is_left_to_caller(const Error& error) noexcept {
  return error.code() == Errc::timeout && error.is_transient();
}

namespace {

/// What the record says that is under a name, and who reads it.
class Load {
 public:
  Load(SessionState& session, FileReader& reader, const LoadHow& how)
      : session_(session), reader_(reader), how_(how) {}

  [[nodiscard]] std::optional<Result<ObjectView>> operator()(const Address& at, bool may_lead_on = true) {
    Connector& connector = session_.connector();
    const auto promised = promise_named(at.key.store, at.name);
    const Address about = promised ? Address(*promised) : at;
    Key ended;  // the last reader whose end this thread has seen
    for (;;) {
      auto found = connector.get(at, how_.until);
      if (!found) {
        return session_.missed(about, found.error());
      }
      if (const auto kept = kept_elsewhere(*found)) {
        return session_.fetch(*kept, how_.until);
      }
      const auto other = may_lead_on ? same_as(*found) : std::nullopt;
      if (other) {
        const Key record = found->key();
        *found = ObjectView();
        auto object = (*this)(Address(other->store, connector.name_of(*other)), false);
        if (!object || *object || !is_gone(object->error()) || is_under(at, record)) {
          return object && !*object ? session_.explain(about, object->error()) : std::move(object);
        }
        continue;
      }
      const auto reader = promised ? in_file(*found) : std::nullopt;
      if (!reader) {
        return found;
      }
      if (reader->valid() && *reader != ended) {
        if (const auto pending = awaited(*reader, about)) {
          return *pending;
        }
        ended = *reader;  // set, broken, or its rank has died
        continue;
      }
      const auto part = file_part_in(*found);
      if (!part) {
        return session_.explain(about, part.error());
      }
      const std::uint64_t generation = found->facts().generation;
      *found = ObjectView();
      if (auto object = Attempt(session_, reader_, *promised, how_)(*part, generation, reader->valid())) {
        return *object ? std::move(*object)
                       : session_.explain(part->name.empty() ? about : Address(at.key.store, part->name),
                                          object->error());
      }
    }
  }

 private:
  using Outcome = std::optional<Result<ObjectView>>;

  // Whether that record is still there: else the name was evicted or bound again meanwhile.
  [[nodiscard]] bool is_under(const Address& at, const Key& record) {
    const auto now = session_.connector().get(at, how_.until);
    return now && now->key() == record;
  }

  // Waits for another reader; what this load ends with if that has not ended.
  [[nodiscard]] std::optional<Outcome> awaited(const Key& reader, const Address& about) {
    Connector& connector = session_.connector();
    const auto end = connector.wait(Address(reader.store, connector.name_of(reader)), how_.patience,
                                    [this] { return !session_.closed(); });
    if (session_.closed()) {
      return Outcome(session_.closed_error());
    }
    if (end || end.error().code() != Errc::timeout) {
      return std::nullopt;
    }
    if (session_.completions()->now() < how_.until) {
      return Outcome();
    }
    return Outcome(session_.explain(about, deadline_passed("rank " + std::to_string(reader.creator) +
                                                           " did not finish reading this part of the file")));
  }

  SessionState& session_;
  FileReader& reader_;
  const LoadHow& how_;
};

}  // namespace

std::optional<Result<ObjectView>> load_file_part(SessionState& session, FileReader& reader,
                                                 const Address& name, const LoadHow& how) {
  return Load(session, reader, how)(name);
}

}  // namespace locum::detail
