#include "shm/node.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "core/base/fork_mark.hpp"
#include "core/ports/together.hpp"
#include "shm/arena/arena.hpp"
#include "shm/death/death_watch.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/names/name_table.hpp"
#include "shm/segment/available_memory.hpp"
#include "shm/segment/descriptor_channel.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/segment/robust_lock.hpp"
#include "shm/segment/segment.hpp"
#include "shm/spill/spiller.hpp"
#include "shm/table/collector.hpp"
#include "shm/table/freed_memory.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {
namespace {

constexpr std::uint64_t smallest_step_bytes = 64_KiB;
constexpr std::uint64_t largest_step_bytes = 2_MiB;
constexpr std::uint64_t most_prepared_bytes = 64_MiB;
// If the available memory is unknown.
constexpr std::uint64_t cautious_memory_bytes = 256_MiB;

// What each process announces to the others, and the first one about the memory.
struct Introduction {
  ProcessIdentity process;
  ChannelAddress address;
  std::uint64_t memory_bytes = 0;
  std::uint64_t reserve_bytes = 0;
  ChannelAddress spill_address;
};

// All parts of a node in this process. The watch ends first: it uses the others.
struct Membership {
  std::shared_ptr<ObjectTable> objects;
  FreedMemory freed;
  std::shared_ptr<Spiller> spiller;  // null if objects do not leave memory
  SharedArena arena;
  NameTable names;
  std::optional<DeathWatch> watch;

  void adopt(std::uint32_t dead);
};

// A process takes part as long as it has views: its death must be noticed, because of its pins. In a process
// forked from the rank the destructors would wait for threads that do not exist: the memory stays mapped
// until that process ends.
class LeftToItsMaker {
 public:
  void operator()(Membership* membership) const {
    if (!maker_.in_child()) {
      membership->objects->leave([membership] { delete membership; });
    }
  }

 private:
  ForkMark maker_;
};

// The exception thrown by `step`, if any.
template <class Step>
std::optional<Error> failure_of(Step step) {
  return together::error_of(step, "the node's memory cannot be set up");
}

// Every step may be repeated: the successor of an adopter that died starts with the first one.
void Membership::adopt(std::uint32_t dead) {
  names.repair();
  LOCUM_KILL_POINT("adopt: names are whole");
  objects->drop_pins(dead);
  LOCUM_KILL_POINT("adopt: pins are dropped");
  objects->adopt(dead, [&](const std::vector<Block>& used) { return arena.adopt(dead, used); }).value();
}

// The first name in a shard costs two commits and two first touches, 20 us and more, which most of a node's
// first names would pay one after the other: marks of flights and copies of a rank that reads large objects
// of other nodes, for example. If that is little of the node's memory, all shards get their first pages
// before any other process joins. Memory that is not available now is requested when needed.
void commit_first_names(Segment& segment) {
  constexpr std::uint64_t first_bytes = 2 * page_bytes * shard_count;
  constexpr std::uint64_t little_of = 64;
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    if (segment.geometry().memory_bytes / little_of < first_bytes ||
        !DirectoryShard(segment, index).commit_first_pages()) {
      return;
    }
  }
}

// A sixteenth of each rank's part, as a power of two within these bounds.
std::uint64_t portion_of(const Geometry& geometry, std::uint64_t most_bytes) {
  return std::bit_floor(
      std::clamp(geometry.memory_bytes / 16 / geometry.ranks, smallest_step_bytes, most_bytes));
}

// A file system may not have such large files: then the node's memory reserves fewer addresses.
std::uint64_t reserve_for(SpillFile& file, std::uint32_t ranks, std::uint64_t memory_bytes,
                          std::uint64_t reserve_bytes) {
  for (;;) {
    const std::uint64_t total_bytes = Geometry::fit(ranks, memory_bytes, reserve_bytes, true).total_bytes();
    const auto extended = file.extend_to(total_bytes);
    if (extended) {
      return reserve_bytes;
    }
    reserve_bytes = total_bytes / 2;
    if (reserve_bytes < memory_bytes) {
      throw extended.error();
    }
  }
}

Node assemble(const std::shared_ptr<Segment>& segment, std::uint32_t own,
              const std::vector<std::uint32_t>& ranks, std::span<const ProcessIdentity> processes,
              const RuntimeOptions& options, const std::shared_ptr<SpillFile>& spill_file) {
  const Geometry& geometry = segment->geometry();
  const std::uint64_t step_bytes =
      options.step_bytes != 0 ? options.step_bytes : portion_of(geometry, largest_step_bytes);
  const std::uint64_t prepare_bytes =
      options.prepare_bytes != 0 ? options.prepare_bytes : portion_of(geometry, most_prepared_bytes);
  auto objects = std::make_shared<ObjectTable>(segment, own, ranks);
  const auto collector = std::make_shared<Collector>(segment, own, objects);
  const auto spiller =
      spill_file ? std::make_shared<Spiller>(segment, objects, spill_file, options.timeout) : nullptr;
  const SharedArena::Collect collect = [collector, spiller](Arena& arena, SharedArena::Moment now,
                                                            bool called) {
    const bool has_more = spiller && spiller->serve();
    const auto next = collector->work(arena, now, called);
    return has_more ? SharedArena::Moment::min() : next;
  };
  const std::shared_ptr<Membership> all(new Membership{.objects = objects,
                                                       .freed{segment, objects},
                                                       .spiller = spiller,
                                                       .arena{segment, own, step_bytes, prepare_bytes,
                                                              SharedArena::Background::thread, collect},
                                                       .names{segment, objects, options.timeout},
                                                       .watch = std::nullopt},
                                        LeftToItsMaker{});
  if (spiller) {
    spiller->use(all->arena);
  }
  all->watch.emplace(
      segment, own, processes,
      DeathWatch::Duties{.on_death = [&it = *all](std::uint32_t dead) { it.objects->recover(dead); },
                         .adopt = [&it = *all](std::uint32_t dead) { it.adopt(dead); }});
  return Node{.arena = {all, &all->arena},
              .table = {all, all->objects.get()},
              .directory = {all, &all->names},
              .monitor = {all, &all->freed},
              .spill = spiller ? std::shared_ptr<ObjectSpill>(all, spiller.get()) : nullptr,
              .losses = all->watch->losses(),
              .processes = {processes.begin(), processes.end()},
              .closed_alone = std::make_shared<const ClosedAlone>(segment, own),
              .memory_kind = segment->kind(),
              .memory_bytes = segment->geometry().memory_bytes,
              .keep =
                  [segment = std::weak_ptr(segment)](std::shared_ptr<const void> what) {
                    if (const auto memory = segment.lock()) {
                      memory->keep(std::move(what));
                    }
                  },
              .prepare =
                  [all = std::weak_ptr(all)](bool wanted) {
                    if (const auto open = all.lock()) {
                      open->arena.prepare(wanted);
                    }
                  },
              .own_memory = {segment->base() + segment->geometry().arena_offset(own),
                             segment->geometry().arena_bytes}};
}

}  // namespace

Node open_node(Group& group, const std::vector<std::uint32_t>& ranks, const RuntimeOptions& options,
               std::uint64_t incarnation, const SpillFiles& files) {
  const auto moment = Deadline(options.timeout).moment(options.timeout);
  const auto own = static_cast<std::uint32_t>(group.rank());
  const auto count = static_cast<std::uint32_t>(group.size());
  const bool first = own == 0;

  Introduction mine;
  mine.process = ProcessIdentity::own();
  std::shared_ptr<Segment> segment;
  std::optional<DescriptorServer> server;
  std::shared_ptr<SpillFile> spill_file;
  std::optional<DescriptorServer> spill_server;
  together::throw_if(group.agree(failure_of([&] {
    if (ranks.size() != count) {
      throw Error(Errc::invalid_argument, "open_node needs the number of every rank of the group");
    }
    if (first) {
      mine.memory_bytes = options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes();
      mine.reserve_bytes = options.reserve_bytes;
      if (files.make) {
        spill_file = files.make();
        mine.reserve_bytes = reserve_for(*spill_file, count, mine.memory_bytes, options.reserve_bytes);
        mine.spill_address = spill_server.emplace().address();
      }
      segment = Segment::create(
          Geometry::fit(count, mine.memory_bytes, mine.reserve_bytes, spill_file != nullptr), incarnation);
      commit_first_names(*segment);
      mine.address = server.emplace().address();
    }
  })));
  LOCUM_KILL_POINT("bootstrap: the memory is made");
  const std::vector<Introduction> all = together::gathered(group, mine);
  LOCUM_KILL_POINT("bootstrap: introduced");

  Node node;
  const std::optional<Error> failure = failure_of([&] {
    if (first) {
      server->give(segment->descriptor(), count - 1, moment);
      if (spill_file) {
        spill_server->give(spill_file->descriptor(), count - 1, moment);
      }
    } else {
      const Introduction& host = all.front();
      const bool spills = files.take != nullptr;
      segment =
          Segment::attach(receive_descriptor(host.address, moment),
                          Geometry::fit(count, host.memory_bytes, host.reserve_bytes, spills), incarnation);
      if (spills) {
        spill_file = files.take(receive_descriptor(host.spill_address, moment).release());
      }
    }
    LOCUM_KILL_POINT("bootstrap: the memory is mapped");
    std::vector<ProcessIdentity> processes;
    processes.reserve(all.size());
    for (const Introduction& each : all) {
      processes.push_back(each.process);
    }
    if (std::ranges::any_of(processes, [](const ProcessIdentity& each) {
          return each.name_space == 0 || each.name_space != ProcessIdentity::own().name_space;
        })) {
      RobustLock::distrust_numbers();
    }
    node = assemble(segment, own, ranks, processes, options, spill_file);
  });
  spill_server.reset();
  server.reset();  // processes that still wait for it fail at once
  LOCUM_KILL_POINT("bootstrap: assembled");
  // Two barriers: the watch needs them. And the first one's timeout says less than the error of the
  // process that it waited for.
  together::throw_if(group.agree(failure && failure->code() == Errc::timeout ? std::nullopt : failure));
  LOCUM_KILL_POINT("bootstrap: met once");
  together::throw_if(group.agree(failure));
  LOCUM_KILL_POINT("bootstrap: met twice");
  return node;
}

std::uint64_t default_memory_bytes() {
  const auto mount = shared_mount();
  const auto left = available_memory();
  if (!mount && !left) {
    return cautious_memory_bytes;
  }
  constexpr auto unknown = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t free_bytes = std::min(mount ? mount->free_bytes : unknown, left.value_or(unknown));
  return free_bytes / 2 / 1_MiB * 1_MiB;
}

}  // namespace locum::shm
