#include "mpi/checkpoint/writing.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <utility>

#include "core/detail/restored_handles.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "core/store.hpp"
#include "core/value/errors.hpp"
#include "mpi/checkpoint/background.hpp"
#include "mpi/error.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"

namespace locum {

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
      throw end_overwritten("the type or the name of this object").about(to_string(key));
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

/// What a writer says when its part is made.
struct PartMade {
  storage::PartRow row;
  std::uint64_t payload_bytes = 0;
  std::uint64_t reused_bytes = 0;
  std::uint64_t node = 0;
  std::uint64_t is_there = 0;
};

std::vector<PartMade> gather(mpi::CommunicatorGroup& group, const PartMade& mine) {
  const auto bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<PartMade> all(static_cast<std::size_t>(group.size()));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  std::erase_if(all, [](const PartMade& part) { return part.is_there == 0; });
  std::ranges::sort(all, {}, &PartMade::node);
  return all;
}

// What jobs that died have left at that path: the older checkpoint does not refer to it.
void remove_left_overs(const std::string& path) {
  const auto error =
      error_of([&] { storage::remove_other_parts(path, storage::part_names(storage::read_master(path))); });
  if (error && error->code() == Errc::not_found) {
    storage::remove_other_parts(path, {});
  }
}

}  // namespace

CheckpointWriting::CheckpointWriting(const CheckpointJob& job, const CheckpointOptions& options)
    : step_("checkpoint of \"" + std::string(job.store) + "\" to '" + job.path + "'"),
      path_(job.file),
      store_name_(storage::dataset_path(job.store)),
      rolling_(options.keep > 0),
      node_(static_cast<std::uint64_t>(job.group.node())),
      earlier_(options.incremental ? job.earlier : nullptr),
      xdmf_(options.xdmf),
      parts_folder_(storage::parts_folder(path_)),
      writes_(is_writer(job.group)) {
  mpi::CommunicatorGroup& group = job.group;
  const auto all_do = [&](auto work) { throw_if(group.agree(error_of(work), step_, job.until)); };
  storage::Chunking chunking;
  // Before anybody writes: who may, and that there is such a store.
  all_do([&] {
    store_ = job.session.number_of(job.store).value();
    chunking = storage::chunking_of(options);
    if (group.rank() == 0) {
      if (job.others != nullptr && job.others->writes(path_)) {
        throw Error(Errc::system, "this job is writing the checkpoint '" + path_ +
                                      "' now; wait for the result of checkpoint_async, or take another path");
      }
      begin(options, *job.earlier);
    }
  });
  facts_ = {.id = of_first_rank(group, group.rank() == 0 ? random_id() : 0, step_),
            .parts = static_cast<std::uint64_t>(group.nodes())};
  part_path_ = parts_folder_ + '/' + storage::part_file(facts_.id, node_);
  PartMade made;
  all_do([&] {
    if (writes_) {
      if (earlier_ && job.others != nullptr) {
        job.others->settle();
      }
      Collected all = collect(job.session, store_, options.prefix);
      number_ = earlier_ ? earlier_->begin() : 0;
      part_.emplace(part_path_, facts_, std::make_unique<storage::PinnedObjects>(std::move(all.objects)),
                    std::move(all.handles), chunking, earlier_ ? earlier_->last(store_name_) : nullptr,
                    options.dataset_bytes);
      made = {part_->row(), part_->payload_bytes(), part_->reused_bytes(), node_, 1};
    }
  });
  for (const PartMade& part : gather(group, made)) {
    rows_.push_back(part.row);
    report_.objects += part.row.objects;
    report_.bytes += part.payload_bytes;
    report_.reused_bytes += part.reused_bytes;
  }
  report_.files = rows_.size();
  report_.path = job.path;
  report_.number = storage::number_of(job.path);
  all_do([&] {
    if (group.rank() == 0) {
      make_master(job);
    }
  });
}

CheckpointWriting::PartsFolder::~PartsFolder() {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);  // only if it is empty
}

void CheckpointWriting::give_up() noexcept {
  if (part_) {
    part_->take_back();
    part_.reset();
  }
}

void CheckpointWriting::begin(const CheckpointOptions& options, EarlierCheckpoints& earlier) {
  lock_.emplace(path_);
  remove_left_overs(path_);
  if (rolling_) {
    expired_ = storage::roll(path_, store_name_, options.keep);
  }
  time_ns_ = earlier.next_time(path_);
  std::filesystem::create_directory(parts_folder_);
  made_folder_.path = parts_folder_;
}

void CheckpointWriting::make_master(const CheckpointJob& job) {
  storage::MasterFile master;
  master.facts = facts_;
  master.store = store_name_;
  master.time_ns = time_ns_;
  master.rolling = rolling_;
  master.xdmf = xdmf_;
  master.store_options = job.session.open(job.store).value().options();
  master.origins = origins_of(job.session, store_);
  master.parts_folder = parts_folder_;
  master.parts = rows_;
  master_.emplace(path_, master);
}

void CheckpointWriting::write(const std::function<void()>& pause) {
  if (part_) {
    part_->write(pause);
  }
}

void CheckpointWriting::remember() noexcept {
  if (earlier_ && part_) {
    (void)error_of([&] { earlier_->remember(store_name_, number_, part_->contents(store_, node_)); });
  }
}

void CheckpointWriting::publish() {
  if (master_) {
    master_->publish();
    storage::remove_other_parts(path_, storage::part_names(master_->master()));
    for (const storage::ExpiredCheckpoint& expired : expired_) {
      storage::remove_expired(expired);
    }
  }
}

}  // namespace locum
