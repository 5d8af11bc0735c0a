#include "mpi/checkpoint/read_before_checkpoint.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/lazy/file_records.hpp"
#include "core/node/promised.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/store.hpp"
#include "mpi/error.hpp"

namespace locum {

namespace {

/// What a store has on this node and nobody has read: this rank's share of it. Records are found by their
/// keys and looked up by their names: who begins to read an object gives its record another key, maybe on
/// another node.
class LazyObjects {
 public:
  /// With a prefix only the objects whose names begin with it.
  LazyObjects(const CheckpointJob& job, std::uint32_t store, std::string_view prefix)
      : session_(*job.session.state()), store_(store), prefix_(prefix), until_(job.until) {
    const auto& nodes = job.group.node_of_rank();
    std::uint64_t before = 0;
    std::uint64_t ranks = 0;
    for (int rank = 0; rank < job.group.size(); ++rank) {
      if (nodes[static_cast<std::size_t>(rank)] == job.group.node()) {
        before += rank < job.group.rank() ? 1 : 0;
        ++ranks;
      }
    }
    for (const Key& key : session_.connector().keys_of_node(store_)) {
      if (mixed(key) % ranks == before) {
        note(key);
      }
    }
  }

  void read() {
    for (const std::string& name : names_) {
      const auto record = session_.connector().get(Address(store_, name), until_);
      if (!record && record.error().code() == Errc::not_found) {
        continue;  // evicted meanwhile
      }
      if (is_promise_record(record.value().type_hash())) {
        look_at(*record, name);
      }
    }
  }

 private:
  // The number of an object's place is in some of the bits.
  [[nodiscard]] static std::uint64_t mixed(const Key& key) noexcept {
    return ((key.serial ^ key.creator) * 0x9E3779B97F4A7C15U) >> 32U;
  }

  // Of an object no more than its type: its bytes may be on disk. Of records those of promises: one under
  // the name of an object leads to such a one.
  void note(const Key& key) {
    const auto facts = session_.connector().get_some(Address(key), Facts(), until_);
    if (!facts && facts.error().code() == Errc::not_found) {
      return;
    }
    if (is_promise_record(facts.value().type_hash()) && promise_named(store_, facts->facts().name)) {
      names_.emplace_back(facts->facts().name);
    }
  }

  void look_at(const ObjectView& record, const std::string& name) {
    if (const auto other = same_as(record)) {
      return is_wanted(*other) ? keep(name) : void();
    }
    if (!in_file(record)) {
      return;
    }
    const FilePart part = detail::file_part_in(record).value();
    if (part.of_checkpoint != 0 && (prefix_.empty() || part.name.starts_with(prefix_))) {
      (void)load(name);
    }
  }

  // With a prefix: not what is in a file, under another name. The rest need not be read.
  [[nodiscard]] bool is_wanted(const Key& other) {
    if (prefix_.empty()) {
      return true;
    }
    const auto record =
        session_.connector().get(Address(store_, session_.connector().name_of(other)), until_);
    const auto part = record && is_promise_record(record->type_hash()) && in_file(*record)
                          ? detail::file_part_in(*record)
                          : Result<FilePart>(no_such_object());
    return !part || part->name.starts_with(prefix_);
  }

  // None: the object was evicted, or its name was bound to another one, and with it goes the record.
  [[nodiscard]] std::optional<ObjectView> load(const std::string& name) {
    auto object = session_.files().load(session_, Address(store_, name), until_);
    if (object) {
      return std::move(*object);
    }
    const auto is_there = session_.connector().exists(Address(store_, name), until_);
    if (is_there && !*is_there) {
      return std::nullopt;
    }
    throw object.error();
  }

  // Handles of earlier jobs: a checkpoint keeps promises that are kept.
  void keep(const std::string& name) {
    const auto object = load(name);
    if (!object) {
      return;
    }
    const ObjectFacts facts = object->facts();
    const bool is_named = !facts.name.empty() && !promise_named(store_, facts.name);
    const PromiseRecord kept{.state = PromiseRecord::State::kept,
                             .value = object->key(),
                             .size_bytes = object->bytes().size(),
                             .name_hash = is_named ? name_hash(store_, facts.name) : 0};
    const Sealed sealed =
        detail::put_promise_record(session_, store_, name, kept, {.mode = SealMode::replace}, until_).value();
    session_.promises().left_kept(sealed.key, kept.value);
  }

  detail::SessionState& session_;
  const std::uint32_t store_;
  const std::string_view prefix_;
  const Deadline until_;
  std::vector<std::string> names_;
};

}  // namespace

void read_before_checkpoint(const CheckpointJob& job, const CheckpointOptions& options) {
  const auto stores = job.session.state()->files().lazy_stores();
  if (stores.empty()) {  // on all ranks
    return;
  }
  const std::string step = "reading what was restored lazily, before the checkpoint '" + job.path + "'";
  std::vector<LazyObjects> objects;
  const auto find = [&] {
    objects.clear();
    const std::uint32_t written = job.session.number_of(job.store).value();
    const auto folder = job.files.parts_folder(job.file);
    for (const detail::LazyStore& lazy : stores) {
      const bool may_go = options.keep > 0 || lazy.folder == folder;
      if (may_go || lazy.store == written) {
        objects.emplace_back(job, lazy.store, may_go ? std::string_view() : options.prefix);
      }
    }
  };
  const auto read = [&] { std::ranges::for_each(objects, &LazyObjects::read); };
  // Twice: a record that moved from one node to another while both looked may not have been seen.
  for (int pass = 0; pass < 2; ++pass) {
    mpi::throw_if(job.group.agree(mpi::error_of(find), step, job.until));
    mpi::throw_if(job.group.agree(mpi::error_of(read), step, job.until));
  }
}

}  // namespace locum
