#include "shm/node.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "shm/arena.hpp"
#include "shm/available_memory.hpp"
#include "shm/descriptor_channel.hpp"
#include "shm/name_table.hpp"
#include "shm/object_table.hpp"
#include "shm/segment.hpp"

namespace locum::shm {
namespace {

constexpr std::uint64_t smallest_step_bytes = 64_KiB;
constexpr std::uint64_t largest_step_bytes = 64_MiB;
// Where nothing tells how much there is.
constexpr std::uint64_t cautious_memory_bytes = 256_MiB;

// What the first process tells the others.
struct Invitation {
  ChannelAddress address;
  std::uint64_t memory_bytes = 0;
};

// What `step` throws, if it throws.
template <class Step>
std::optional<Error> failure_of(Step step) {
  try {
    step();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory, "this process has no memory of its own left");
  } catch (const std::exception& error) {
    return Error(Errc::system, "the node's memory cannot be set up", error.what());
  }
}

// Collective: all throw if one brings an error.
void throw_together(Group& group, const std::optional<Error>& mine) {
  if (const auto error = group.agree(mine)) {
    throw *error;
  }
}

Invitation from_first(Group& group, const Invitation& mine) {
  const auto all = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  Invitation first;
  std::memcpy(&first, all.data(), sizeof first);
  return first;
}

std::uint64_t step_of(const RuntimeOptions& options, const Geometry& geometry) {
  if (options.step_bytes != 0) {
    return options.step_bytes;
  }
  return std::bit_floor(
      std::clamp(geometry.memory_bytes / 16 / geometry.ranks, smallest_step_bytes, largest_step_bytes));
}

Node assemble(const std::shared_ptr<Segment>& segment, std::uint32_t own,
              const std::vector<std::uint32_t>& ranks, const RuntimeOptions& options) {
  const std::uint64_t step_bytes = step_of(options, segment->geometry());
  const std::uint64_t prepare_bytes = options.prepare_bytes != 0 ? options.prepare_bytes : step_bytes;
  auto objects = std::make_shared<ObjectTable>(segment, own, ranks);
  return Node{.arena = std::make_shared<SharedArena>(segment, own, step_bytes, prepare_bytes),
              .table = objects,
              .directory = std::make_shared<NameTable>(segment, objects, options.timeout),
              .memory_kind = segment->kind(),
              .memory_bytes = segment->geometry().memory_bytes};
}

}  // namespace

Node open_node(Group& group, const std::vector<std::uint32_t>& ranks, const RuntimeOptions& options,
               std::uint64_t incarnation) {
  const auto moment = Deadline(options.timeout).moment(options.timeout);
  const auto own = static_cast<std::uint32_t>(group.rank());
  const auto count = static_cast<std::uint32_t>(group.size());
  const bool first = own == 0;

  Invitation invitation;
  std::shared_ptr<Segment> segment;
  std::optional<DescriptorServer> server;
  throw_together(
      group, failure_of([&] {
        if (ranks.size() != count) {
          throw Error(Errc::invalid_argument, "open_node wants the number of every rank of the group");
        }
        if (first) {
          invitation.memory_bytes = options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes();
          segment = Segment::create(Geometry::fit(count, invitation.memory_bytes, options.reserve_bytes),
                                    incarnation);
          invitation.address = server.emplace().address();
        }
      }));
  invitation = from_first(group, invitation);

  Node node;
  const std::optional<Error> failure = failure_of([&] {
    if (first) {
      server->give(segment->descriptor(), count - 1, moment);
    } else {
      segment =
          Segment::attach(receive_descriptor(invitation.address, moment),
                          Geometry::fit(count, invitation.memory_bytes, options.reserve_bytes), incarnation);
    }
    node = assemble(segment, own, ranks, options);
  });
  server.reset();  // who still waits for it learns that at once
  // The first one's timeout says less than the error of the process that it waited for.
  throw_together(group, failure && failure->code() == Errc::timeout ? std::nullopt : failure);
  throw_together(group, failure);
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
