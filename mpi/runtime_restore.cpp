#include <algorithm>
#include <cstring>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/detail/file_records.hpp"
#include "core/detail/restored_handles.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/node/reference.hpp"
#include "core/ports/connector.hpp"
#include "core/store.hpp"
#include "core/type_name.hpp"
#include "mpi/error.hpp"
#include "mpi/runtime_checkpoint.hpp"
#include "transport/storage/file_series.hpp"
#include "transport/storage/hdf5/checkpoint_part.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

namespace locum {

namespace {

using mpi::error_of;
using mpi::throw_if;

// What an object costs beside its bytes, for the balance.
constexpr std::uint64_t bytes_an_object = 512;
constexpr std::size_t most_listed = 100;
// An object that is no larger takes less memory than a record of where it is.
constexpr std::uint64_t read_at_once = 512;

/// A row of a part.
struct Place {
  std::size_t part = 0;
  const storage::ObjectRow* row = nullptr;
};

/// What one rank has done, and found damaged; the same in number on all ranks.
struct Share {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
  std::uint64_t text_bytes = 0;
};

class Restoring {
 public:
  Restoring(const CheckpointJob& job, const RestoreOptions& options) : job_(job), options_(options) {}

  // Reads the tables, and decides which rank restores what: the same on all ranks. Rows lie in the order of
  // the bytes in the files, so that each rank reads one stretch of them.
  void plan() {
    master_ = storage::read_master(job_.path);
    for (std::size_t part = 0; part < master_.parts.size(); ++part) {
      try {
        parts_.push_back(storage::open_part(master_, part));
        if (!options_.skip_damaged) {
          parts_.back()->require_shared_files();
        }
      } catch (const Error& error) {
        if (!options_.skip_damaged) {
          throw;
        }
        parts_.push_back(std::nullopt);
        lost(error.what(), master_.parts[part].objects);
      }
    }
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      if (parts_[part]) {
        plan_part(part);
      }
    }
    drop_older_generations();
  }

  void open_store() {
    auto opened = job_.session.open(job_.store, master_.store_options);
    if (!opened && opened.error().code() == Errc::options_differ) {
      opened = job_.session.open(job_.store);
    }
    store_ = opened.value().number();
    checksum_ = opened.value().options().checksum;
    lifetime_ms_ = static_cast<std::uint64_t>(opened.value().options().lifetime.count());
  }

  // This rank's share.
  void restore() {
    std::uint64_t all = 0;
    for (const Place& place : places_) {
      all += cost_of(place);
    }
    const auto ranks = static_cast<std::uint64_t>(job_.group.size());
    std::uint64_t before = 0;
    for (const Place& place : places_) {
      const std::uint64_t share = all / ranks + 1;
      const auto rank = std::min(before / share, ranks - 1);
      before += cost_of(place);
      if (rank != static_cast<std::uint64_t>(job_.group.rank())) {
        continue;
      }
      if (options_.lazy && place.row->size_bytes > read_at_once) {
        restore_later(place);
      } else {
        restore(place);
      }
    }
  }

  void take_back() noexcept {
    for (const Key& key : made_) {
      (void)job_.session.state()->connector().evict(Address(key), {});
    }
    made_.clear();
  }

  // From now on handles of the stores that the objects were in are good here.
  void take_handles() {
    if (options_.lazy) {
      job_.session.state()->restored_lazily(store_, master_.parts_folder);
    }
    if (options_.keep_handles) {
      for (const storage::OriginRow& origin : master_.origins) {
        job_.session.state()->restored(origin.incarnation, static_cast<std::uint32_t>(origin.store), store_,
                                       static_cast<std::uint32_t>(job_.group.size()));
      }
    }
  }

  [[nodiscard]] CheckpointReport report() {
    mpi::CommunicatorGroup& group = job_.group;
    std::string texts;
    for (const std::string& text : damaged_) {
      texts.append(text).push_back('\n');
    }
    share_.text_bytes = texts.size();
    const auto bytes = group.all_gather(std::as_bytes(std::span(&share_, 1)));
    std::vector<Share> all(static_cast<std::size_t>(group.size()));
    std::memcpy(all.data(), bytes.data(), bytes.size());
    CheckpointReport report;
    report.files = master_.parts.size();
    report.path = job_.path;
    report.number = storage::number_of(job_.path);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      report.objects += all[rank].objects;
      report.bytes += all[rank].bytes;
      report.damaged_objects += all[rank].damaged;
      if (all[rank].text_bytes > 0 && report.damaged.size() < most_listed) {
        const auto own = std::as_bytes(std::span(texts));
        add_lines(report.damaged, group.broadcast({own.begin(), own.end()}, static_cast<int>(rank),
                                                  "listing damaged objects"));
      }
    }
    return report;
  }

 private:
  void plan_part(std::size_t part) {
    const storage::PartReader& reader = *parts_[part];
    for (const storage::ObjectRow& row : reader.rows()) {
      if (!reader.is_whole(row) || is_of_the_library(reader, row)) {
        if (!options_.skip_damaged) {
          throw Error(Errc::corrupt, "the table of the checkpoint's file '" + reader.file() +
                                         "' is damaged; skip_damaged restores the other objects");
        }
        lost("a row of the table of '" + reader.file() + "' is damaged", 1);
      } else if (options_.prefix.empty() || reader.name(row).starts_with(options_.prefix)) {
        places_.push_back({part, &row});
      }
    }
    if (options_.keep_handles) {
      plan_handles(reader);
    }
  }

  void plan_handles(const storage::PartReader& reader) {
    try {
      reader.require_handles();
    } catch (const Error& error) {
      if (!options_.skip_damaged) {
        throw;
      }
      return lost(error.what(), 0);
    }
    for (const storage::HandleRow& handle : reader.handles()) {
      others_[handle.object].push_back(handle.identity);
    }
  }

  // What checkpoint() never writes: objects by which the library keeps its own records.
  [[nodiscard]] static bool is_of_the_library(const storage::PartReader& part,
                                              const storage::ObjectRow& row) {
    const std::uint64_t type = text_hash(part.type(row));
    return is_reserved(part.name(row)) || is_promise_record(type) || type == reference_type_hash;
  }

  // A name that was replaced on another node while the checkpoint was written may be there twice.
  void drop_older_generations() {
    std::unordered_map<std::string_view, std::uint64_t> latest;
    latest.reserve(places_.size());
    for (const Place& place : places_) {
      if (place.row->name.bytes > 0) {
        auto& generation = latest[parts_[place.part]->name(*place.row)];
        generation = std::max(generation, place.row->generation);
      }
    }
    std::erase_if(places_, [&](const Place& place) {
      return place.row->name.bytes > 0 &&
             latest[parts_[place.part]->name(*place.row)] != place.row->generation;
    });
  }

  // The first rank speaks for all where all of them see the same.
  void lost(std::string text, std::uint64_t objects) {
    if (job_.group.rank() == 0) {
      add_damaged(std::move(text), objects);
    }
  }
  void add_damaged(std::string text, std::uint64_t objects) {
    share_.damaged += objects;
    if (damaged_.size() < most_listed) {
      std::ranges::replace(text, '\n', ' ');
      damaged_.push_back(std::move(text));
    }
  }

  // A disk that cannot be read is `system`, and has other objects that it can.
  [[nodiscard]] static bool is_loss(const Error& error) {
    return error.code() == Errc::corrupt || error.code() == Errc::not_found || error.code() == Errc::system;
  }
  [[nodiscard]] Error explained(const Error& error, const storage::PartReader& part,
                                const storage::ObjectRow& row) const {
    const std::string_view name = part.name(row);
    return name.empty() ? error.about(to_string(former_key(row))) : error.about(name);
  }
  void lost_or_throw(const Error& error, const storage::PartReader& part, const storage::ObjectRow& row) {
    if (!options_.skip_damaged || !is_loss(error)) {
      throw explained(error, part, row);
    }
    add_damaged(explained(error, part, row).what(), 1);
  }

  void restore(const Place& place) {
    storage::PartReader& part = *parts_[place.part];
    const storage::ObjectRow& row = *place.row;
    const ObjectMeta meta = meta_of(part, row);
    Connector& connector = job_.session.state()->connector();
    auto draft = connector.create(row.size_bytes, meta, job_.until);
    if (!draft) {
      throw explained(draft.error(), part, row);
    }
    try {
      part.read(row, draft->bytes);
    } catch (const Error& error) {
      connector.discard(*draft);
      if (options_.lazy && !options_.skip_damaged && is_loss(error)) {
        return restore_later(place);  // who uses it learns of the damage
      }
      return lost_or_throw(error, part, row);
    }
    const auto sealed = connector.seal(*draft, {}, job_.until);
    if (!sealed) {
      throw explained(sealed.error(), part, row);
    }
    made_.push_back(sealed->key);
    ++share_.objects;
    share_.bytes += row.size_bytes;
    if (options_.keep_handles) {
      const PromiseRecord kept{.state = PromiseRecord::State::kept,
                               .value = sealed->key,
                               .size_bytes = row.size_bytes,
                               .name_hash = meta.name.empty() ? 0 : name_hash(store_, meta.name)};
      const std::uint64_t identity = identity_of(row);
      lead(identity, kept);
      lead_others(identity, kept);
    }
  }

  // Its bytes are read by who uses it first. A record of where they are stands for it: of the promise with
  // the identity that its handles have.
  void restore_later(const Place& place) {
    const storage::PartReader& part = *parts_[place.part];
    const storage::ObjectRow& row = *place.row;
    const std::uint64_t identity = identity_of(row);
    const Key promised = promised_of(identity);
    FilePart later;
    try {
      if (options_.skip_damaged) {
        part.require_file_of(row);  // else all files were looked for before
      }
      later = storage::part_of(part, row);
    } catch (const Error& error) {
      lost_or_throw(error, part, row);
      return;
    }
    later.name = part.name(row);
    later.with_checksum = checksum_ ? 1 : 0;
    if (const auto put = detail::put_restored_part(*job_.session.state(), promised, later, job_.until, made_);
        !put) {
      throw explained(put.error(), part, row);
    }
    ++share_.objects;
    share_.bytes += row.size_bytes;
    if (options_.keep_handles) {
      lead_others(identity, {.state = PromiseRecord::State::same_as, .value = promised});
    }
  }

  // What the balance counts.
  [[nodiscard]] std::uint64_t cost_of(const Place& place) const {
    return bytes_an_object + (options_.lazy ? 0 : place.row->size_bytes);
  }
  [[nodiscard]] std::uint64_t identity_of(const storage::ObjectRow& row) const {
    return detail::former_identity(master_.origins.front().incarnation, former_key(row));
  }
  [[nodiscard]] Key promised_of(std::uint64_t identity) const {
    return detail::restored_key(store_, identity, static_cast<std::uint32_t>(job_.group.size()));
  }
  [[nodiscard]] Key former_key(const storage::ObjectRow& row) const {
    return {static_cast<std::uint32_t>(master_.origins.front().store), row.creator, row.serial};
  }

  [[nodiscard]] ObjectMeta meta_of(const storage::PartReader& part, const storage::ObjectRow& row) const {
    ObjectMeta meta;
    meta.store = store_;
    meta.element_bytes = row.element_bytes;
    // As far as the size of an element allows.
    const std::uint32_t allowed = row.element_bytes & (~row.element_bytes + 1);
    meta.alignment = std::clamp<std::uint32_t>(allowed, 16, detail::largest_alignment);
    meta.type_name = part.type(row);
    meta.type_hash = text_hash(meta.type_name);
    meta.name = part.name(row);
    meta.layout = static_cast<Layout>(row.layout);
    meta.extents.rank = static_cast<std::uint8_t>(row.rank);
    std::copy_n(row.extents.begin(), row.rank, meta.extents.values.begin());
    meta.checksum = checksum_;
    meta.lifetime_ms = lifetime_ms_;
    return meta;
  }

  // Binds a promise that leads to the object: the handles with this identity stand for it.
  void lead(std::uint64_t identity, const PromiseRecord& record) {
    detail::SessionState& session = *job_.session.state();
    const Sealed sealed =
        detail::put_promise_record(session, store_, session.connector().name_of(promised_of(identity)),
                                   record, {.mode = SealMode::replace}, job_.until)
            .value();
    if (record.state == PromiseRecord::State::kept) {
      session.left_kept(sealed.key, record.value);
    }
    made_.push_back(sealed.key);
  }
  // The same of the other identities of an object.
  void lead_others(std::uint64_t identity, const PromiseRecord& record) {
    if (const auto others = others_.find(identity); others != others_.end()) {
      for (const std::uint64_t other : others->second) {
        lead(other, record);
      }
    }
  }

  static void add_lines(std::vector<std::string>& lines, const std::vector<std::byte>& text) {
    std::string_view rest(reinterpret_cast<const char*>(text.data()), text.size());
    while (!rest.empty() && lines.size() < most_listed) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      lines.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  const CheckpointJob& job_;
  const RestoreOptions& options_;
  storage::MasterFile master_;
  std::vector<std::optional<storage::PartReader>> parts_;
  std::vector<Place> places_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> others_;  ///< identities, by that of the key
  std::uint32_t store_ = 0;
  bool checksum_ = false;
  std::uint64_t lifetime_ms_ = 0;
  std::vector<Key> made_;
  Share share_;
  std::vector<std::string> damaged_;
};

}  // namespace

CheckpointReport read_checkpoint(const CheckpointJob& job, const RestoreOptions& options) {
  const std::string step = "restore of \"" + std::string(job.store) + "\" from '" + job.path + "'";
  Restoring restoring(job, options);
  throw_if(job.group.agree(error_of([&] { restoring.plan(); }), step, job.until));
  throw_if(job.group.agree(error_of([&] { restoring.open_store(); }), step, job.until));
  const auto error = job.group.agree(error_of([&] { restoring.restore(); }), step, job.until);
  if (error) {
    restoring.take_back();
    throw_if(job.group.agree(std::nullopt, step, job.until));
    throw *error;
  }
  restoring.take_handles();
  return restoring.report();
}

}  // namespace locum
