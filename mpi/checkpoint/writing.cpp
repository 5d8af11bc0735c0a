#include "mpi/checkpoint/writing.hpp"

#include <algorithm>
#include <cstring>
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

// Adds the objects that a store has on this node, pinned. Of promises only what they were kept with is
// written.
void collect(Session& session, std::string_view prefix, PartDraft& all) {
  const std::uint64_t incarnation = session.options().incarnation;
  const std::uint32_t store = all.store;
  Connector& connector = session.state()->connector();
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
}

std::vector<OriginRow> origins_of(Session& session, std::uint32_t store) {
  std::vector<OriginRow> origins{{session.options().incarnation, store}};
  for (const detail::FormerStore& former : session.state()->origins(store)) {
    origins.push_back({former.incarnation, former.store});
  }
  return origins;
}

/// What a writer says when its part is made.
struct PartMade {
  PartWriting::Sizes sizes{};
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

}  // namespace

CheckpointWriting::CheckpointWriting(const CheckpointJob& job, const CheckpointOptions& options)
    : step_("checkpoint of \"" + std::string(job.store) + "\" to '" + job.path + "'"),
      writes_(is_writer(job.group)) {
  mpi::CommunicatorGroup& group = job.group;
  const auto all_do = [&](auto work) { throw_if(group.agree(error_of(work), step_, job.until)); };
  PartDraft draft{.node = static_cast<std::uint64_t>(group.node()), .store_name = std::string(job.store)};
  // Before anybody writes: who may, and that there is such a store.
  all_do([&] {
    draft.store = job.session.number_of(job.store).value();
    if (group.rank() == 0) {
      if (job.others != nullptr && job.others->writes(job.file)) {
        throw Error(Errc::system, "this job is writing the checkpoint '" + job.file +
                                      "' now; wait for the result of checkpoint_async, or take another path");
      }
      checkpoint_ = job.files.begin(job.file, draft.store_name, options);
    }
  });
  const CheckpointFacts facts{.id = of_first_rank(group, group.rank() == 0 ? random_id() : 0, step_),
                              .parts = static_cast<std::uint64_t>(group.nodes())};
  const std::uint32_t store = draft.store;
  PartMade made{.node = draft.node};
  all_do([&] {
    if (writes_) {
      if (options.incremental && job.others != nullptr) {
        job.others->settle();
      }
      draft.facts = facts;
      collect(job.session, options.prefix, draft);
      part_ = job.files.make_part(job.file, std::move(draft), options);
      made.sizes = part_->sizes();
      made.is_there = 1;
    }
  });
  std::vector<PartRow> parts;
  for (const auto& [sizes, node, is_there] : gather(group, made)) {
    parts.push_back(sizes.row);
    report_.objects += sizes.row.objects;
    report_.bytes += sizes.payload_bytes;
    report_.reused_bytes += sizes.reused_bytes;
  }
  report_.files = parts.size();
  report_.path = job.path;
  report_.number = job.files.number_of(job.path, {});
  all_do([&] {
    if (checkpoint_) {
      checkpoint_->make({.facts = facts,
                         .store_options = job.session.open(job.store).value().options(),
                         .origins = origins_of(job.session, store),
                         .parts = std::move(parts),
                         .parts_folder = {}});
    }
  });
}

void CheckpointWriting::give_up() noexcept {
  if (part_) {
    part_->take_back();
    part_.reset();
  }
}

void CheckpointWriting::write(const std::function<void()>& pause) {
  if (part_) {
    part_->write(pause);
  }
}

void CheckpointWriting::remember() noexcept {
  if (part_) {
    part_->remember();
  }
}

void CheckpointWriting::publish() {
  if (checkpoint_) {
    checkpoint_->publish();
  }
}

}  // namespace locum
