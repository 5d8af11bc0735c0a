#include "mpi/runtime_checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "core/detail/restored_handles.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "mpi/error.hpp"
#include "mpi/runtime.hpp"
#include "mpi/runtime_state.hpp"
#if LOCUM_WITH_HDF5
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_writer.hpp"
#endif

namespace locum {

#if LOCUM_WITH_HDF5

namespace {

using mpi::error_of;
using mpi::throw_if;

std::uint64_t random_id() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

/// A number of rank 0, on all ranks.
std::uint64_t of_first_rank(mpi::CommunicatorGroup& group, std::uint64_t number, std::string_view what) {
  std::vector<std::byte> bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  bytes = group.broadcast(std::move(bytes), 0, what);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

/// The lowest rank of each node writes for all of them: it reads their objects in place.
bool is_writer(const mpi::CommunicatorGroup& group) {
  const auto& nodes = group.node_of_rank();
  const auto first = std::find(nodes.begin(), nodes.end(), group.node());
  return first - nodes.begin() == group.rank();
}

/// What of a node's objects is written.
struct Collected {
  std::vector<storage::WrittenObject> objects;
  std::vector<storage::HandleRow> handles;
};

// The objects that a store has on this node, pinned. Of promises only what they were kept with is written.
Collected collect(Session& session, std::uint32_t store, std::string_view prefix) {
  const std::uint64_t incarnation = session.options().incarnation;
  Connector& connector = session.state()->connector();
  Collected all;
  for (const Key& key : connector.keys_of_node(store)) {
    auto view = connector.get(Address(key), {});
    if (!view && view.error().code() == Errc::not_found) {
      continue;  // evicted meanwhile, or of no program
    }
    const ObjectFacts facts = view.value().facts();
    if (!facts.whole) {
      throw Error(Errc::corrupt,
                  "something wrote over the type and the name of this object: evict it, and look for a "
                  "rank that writes through a wild pointer")
          .about(to_string(key));
    }
    const auto promised = promise_named(store, facts.name);
    if (is_promise_record(facts.type_hash)) {
      const auto kept = kept_elsewhere(*view);
      if (promised && kept) {
        all.handles.push_back({detail::promise_identity(incarnation, *promised),
                               detail::former_identity(incarnation, kept->key)});
      }
      continue;
    }
    if (promised) {
      all.handles.push_back({detail::promise_identity(incarnation, *promised),
                             detail::former_identity(incarnation, facts.key)});
    }
    const bool named = !facts.name.empty() && !promised;
    if (prefix.empty() || (named && facts.name.starts_with(prefix))) {
      all.objects.push_back({std::move(*view), !named});
    }
  }
  return all;
}

std::vector<storage::OriginRow> origins_of(Session& session, std::uint32_t store) {
  std::vector<storage::OriginRow> origins{{session.options().incarnation, store}};
  for (const detail::FormerStore& former : session.state()->origins(store)) {
    origins.push_back({former.incarnation, former.store});
  }
  return origins;
}

/// What a writer says when its part is on the disk.
struct PartDone {
  storage::PartRow row;
  std::uint64_t payload_bytes = 0;
  std::uint64_t node = 0;
  std::uint64_t is_there = 0;
};

std::vector<PartDone> gather(mpi::CommunicatorGroup& group, const PartDone& mine) {
  const auto bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<PartDone> all(static_cast<std::size_t>(group.size()));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  std::erase_if(all, [](const PartDone& part) { return part.is_there == 0; });
  std::ranges::sort(all, {}, &PartDone::node);
  return all;
}

/// This rank's part, which is removed again if the checkpoint fails before all parts are there, and all ranks
/// know. It stays if they may know different things: rank 0 may be completing the checkpoint. The next one of
/// that path then removes it, if it is part of none.
class TentativePart {
 public:
  TentativePart(std::string path, const mpi::CommunicatorGroup& group)
      : path_(std::move(path)), group_(group) {}
  TentativePart(const TentativePart&) = delete;
  TentativePart& operator=(const TentativePart&) = delete;
  ~TentativePart() {
    if (!stays_ && !group_.broken()) {
      std::error_code ignored;
      std::filesystem::remove(path_, ignored);
      std::filesystem::remove(storage::folder_of(path_), ignored);  // only if it is empty
    }
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  void stay() noexcept { stays_ = true; }

 private:
  std::string path_;
  const mpi::CommunicatorGroup& group_;
  bool stays_ = false;
};

// What jobs that died have left at that path: no older checkpoint refers to it.
void remove_left_overs(const std::string& path) {
  const auto error =
      error_of([&] { storage::remove_other_parts(path, storage::read_master(path).facts.id); });
  if (error && error->code() == Errc::not_found) {
    storage::remove_other_parts(path, std::nullopt);
  }
}

}  // namespace

CheckpointReport write_checkpoint(const CheckpointJob& job, const CheckpointOptions& options) {
  mpi::CommunicatorGroup& group = job.group;
  const std::string step = "checkpoint of \"" + std::string(job.store) + "\" to '" + job.path + "'";
  std::optional<storage::WritingLock> lock;
  std::uint32_t store = 0;
  // Before anybody writes: who may, and that there is such a store.
  throw_if(group.agree(error_of([&] {
                         store = job.session.number_of(job.store).value();
                         if (group.rank() == 0) {
                           lock.emplace(job.path);
                           remove_left_overs(job.path);
                           std::filesystem::create_directory(storage::parts_folder(job.path));
                         }
                       }),
                       step, job.until));
  const storage::CheckpointFacts facts{.id = of_first_rank(group, group.rank() == 0 ? random_id() : 0, step),
                                       .parts = static_cast<std::uint64_t>(group.nodes())};
  TentativePart part(storage::parts_folder(job.path) + '/' +
                         storage::part_file(facts.id, static_cast<std::uint64_t>(group.node())),
                     group);
  std::optional<storage::PartWriter> writer;
  PartDone done;
  throw_if(group.agree(error_of([&] {
                         if (is_writer(group)) {
                           Collected all = collect(job.session, store, options.prefix);
                           writer.emplace(part.path(), facts, std::move(all.objects), std::move(all.handles));
                         }
                       }),
                       step, job.until));
  throw_if(group.agree(
      error_of([&] {
        if (writer) {
          writer->write();
          done = {writer->row(), writer->payload_bytes(), static_cast<std::uint64_t>(group.node()), 1};
        }
      }),
      step, job.until));
  part.stay();
  const std::vector<PartDone> parts = gather(group, done);
  throw_if(group.agree(error_of([&] {
                         if (group.rank() == 0) {
                           storage::MasterFile master;
                           master.facts = facts;
                           master.store_options = job.session.open(job.store).value().options();
                           master.origins = origins_of(job.session, store);
                           master.parts_folder = storage::parts_folder(job.path);
                           std::ranges::transform(parts, std::back_inserter(master.parts), &PartDone::row);
                           storage::write_master(job.path, master, std::string(job.store));
                         }
                       }),
                       step, job.until));
  if (group.rank() == 0) {
    storage::remove_other_parts(job.path, facts.id);
  }
  CheckpointReport report;
  for (const PartDone& each : parts) {
    report.objects += each.row.objects;
    report.bytes += each.payload_bytes;
  }
  report.files = parts.size();
  return report;
}

#else

CheckpointReport write_checkpoint(const CheckpointJob& /*job*/, const CheckpointOptions& /*options*/) {
  throw Error(Errc::unsupported,
              "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON for checkpoints");
}
CheckpointReport read_checkpoint(const CheckpointJob& /*job*/, const RestoreOptions& /*options*/) {
  throw Error(Errc::unsupported,
              "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON for checkpoints");
}

#endif

namespace {

template <class Work>
Result<CheckpointReport> result_of(Work work) {
  CheckpointReport report;
  const auto error = mpi::error_of([&] { report = work(); });
  return error ? Result<CheckpointReport>(*error) : Result<CheckpointReport>(std::move(report));
}

}  // namespace

Result<CheckpointReport> Runtime::checkpoint(std::string_view store, std::string_view path,
                                             const CheckpointOptions& options) {
  require_open("checkpoint");
  require_mpi("checkpoint");
  const Deadline until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  return result_of([&] {
    return write_checkpoint({state_->group, *session_, store, std::string(path), until}, options);
  });
}

Result<CheckpointReport> Runtime::restore(std::string_view store, std::string_view path,
                                          const RestoreOptions& options) {
  require_open("restore");
  require_mpi("restore");
  const Deadline until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  return result_of([&] {
    return read_checkpoint({state_->group, *session_, store, std::string(path), until}, options);
  });
}

}  // namespace locum
