#include "shm/segment/segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "core/base/raise_to.hpp"
#include "shm/segment/available_memory.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/segment/memory_notice.hpp"
#include "shm/segment/robust_lock.hpp"

namespace locum::shm {
namespace {

namespace interprocess = boost::interprocess;

constexpr const char* unnamed_file = "unnamed file in /dev/shm";
constexpr const char* anonymous_file = "memfd";

// Pages are taken in pieces of this size: a signal undoes and interrupts one call to fallocate, and with a
// single call a profiler's timer could keep it from ever completing.
constexpr std::uint64_t piece_bytes = std::uint64_t{2} << 20U;
// Memory that a commit leaves to the machine, so that no process is killed for the last pages.
constexpr std::uint64_t machine_reserve_bytes = std::uint64_t{64} << 20U;
// How much may be taken between two checks of the machine's memory.
constexpr std::uint64_t machine_check_bytes = std::uint64_t{16} << 20U;
// Linux 5.14; older kernels refuse it, and the first writer touches the pages.
constexpr int populate_write = 23;

// Mapping used to test a descriptor, as Boost.Interprocess does.
class Mapping {
 public:
  explicit Mapping(int descriptor) : descriptor_(descriptor) {}
  [[nodiscard]] interprocess::mapping_handle_t get_mapping_handle() const {
    interprocess::mapping_handle_t handle{};
    handle.handle = descriptor_;
    return handle;
  }

 private:
  int descriptor_;
};

struct OpenFile {
  Descriptor descriptor;
  const char* kind = "";
};

Descriptor open_unnamed_file() {
  // O_EXCL: it can never be given a name later.
  return Descriptor(::open("/dev/shm", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
}

// Whether its file system is one of huge pages: there a page that is committed takes 512 others, which count.
// The page stays: it is that of the header. Where pages are as large as the file allows, it is one of those
// only if the file is larger.
bool takes_huge_pages(const Descriptor& file) noexcept {
  constexpr rlim_t larger_than_huge = 4U << 20U;
  const off_t page = ::sysconf(_SC_PAGESIZE);
  rlimit limit{};
  struct stat facts {};
  const bool may_be_larger = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= larger_than_huge;
  return (!may_be_larger || ::ftruncate(file.number(), larger_than_huge) == 0) &&
         ::fallocate(file.number(), 0, 0, page) == 0 && ::fstat(file.number(), &facts) == 0 &&
         facts.st_blocks * 512 > page;
}

OpenFile open_file(std::uint64_t memory_bytes) {
  const auto mount = shared_mount();
  Descriptor of_huge_pages;
  if (mount && mount->size_bytes >= memory_bytes) {
    if (Descriptor file = open_unnamed_file(); file.is_open()) {
      if (!takes_huge_pages(file)) {
        return {std::move(file), unnamed_file};
      }
      of_huge_pages = std::move(file);
    }
  }
  Descriptor file(::memfd_create("locum", MFD_CLOEXEC));
  if (of_huge_pages.is_open() && (!file.is_open() || takes_huge_pages(file))) {
    return {std::move(of_huge_pages), unnamed_file};
  }
  if (!file.is_open()) {
    throw system_error("neither an unnamed file in /dev/shm nor a memfd can be made for the node's memory",
                       errno);
  }
  return {std::move(file), anonymous_file};
}

void reserve_file(const Descriptor& file, std::uint64_t size_bytes) {
  // Beyond this limit ftruncate does not fail: it kills the process by SIGXFSZ.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < size_bytes) {
    throw Error(Errc::system, "the limit on file sizes (ulimit -f, RLIMIT_FSIZE) is " +
                                  std::to_string(limit.rlim_cur) + " bytes and the node's memory reserves " +
                                  std::to_string(size_bytes) + ": raise it, or lower reserve_bytes");
  }
  if (::ftruncate(file.number(), static_cast<off_t>(size_bytes)) != 0) {
    throw system_error("the node's memory cannot reserve " + std::to_string(size_bytes) +
                           " bytes: lower reserve_bytes or memory_bytes",
                       errno);
  }
}

interprocess::mapped_region map(const Descriptor& file, std::uint64_t size_bytes) {
  try {
    interprocess::mapped_region region(Mapping(file.number()), interprocess::read_write, 0, size_bytes,
                                       nullptr, MAP_NORESERVE);
    // Otherwise a core file of one process would contain the memory of the whole node.
    static_cast<void>(::madvise(region.get_address(), size_bytes, MADV_DONTDUMP));
    return region;
  } catch (const interprocess::interprocess_exception& failure) {
    const int number = static_cast<int>(failure.get_native_error());
    throw Error(number == ENOMEM ? Errc::out_of_memory : Errc::system,
                "the node's memory cannot map " + std::to_string(size_bytes) +
                    " bytes of address space: raise the limit (ulimit -v, RLIMIT_AS), or lower reserve_bytes "
                    "or memory_bytes",
                std::generic_category().message(number));
  }
}

void punch(int descriptor, std::uint64_t offset, std::uint64_t size_bytes) noexcept {
  while (::fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(size_bytes)) != 0 &&
         errno == EINTR) {
  }
}

// Takes the pages of a range, all or none; the error number, or 0.
int take_pages(int descriptor, std::uint64_t offset, std::uint64_t size_bytes) noexcept {
  for (std::uint64_t taken = 0; taken < size_bytes;) {
    const std::uint64_t piece = std::min(piece_bytes, size_bytes - taken);
    if (::fallocate(descriptor, 0, static_cast<off_t>(offset + taken), static_cast<off_t>(piece)) == 0) {
      taken += piece;
      LOCUM_KILL_POINT("commit: a piece taken");
    } else if (errno != EINTR) {
      const int failure = errno;
      punch(descriptor, offset, taken + piece);
      return failure;
    }
  }
  return 0;
}

}  // namespace

struct Segment::State {
  Descriptor file;
  std::string kind;
  Geometry geometry;
  interprocess::mapped_region region;
  std::shared_ptr<const void> kept;
  // What may still be committed before the machine's memory is checked again. A race between two threads
  // costs one check too many.
  std::atomic<std::uint64_t> unchecked_bytes{0};
  std::uint64_t spare_bytes = 0;  // that objects leave to tables

  [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept {
    return static_cast<std::byte*>(region.get_address()) + offset;
  }
  [[nodiscard]] bool machine_has(std::uint64_t size_bytes);
};

bool Segment::State::machine_has(std::uint64_t size_bytes) {
  std::uint64_t left = unchecked_bytes.load(std::memory_order_relaxed);
  if (left >= size_bytes) {
    unchecked_bytes.store(left - size_bytes, std::memory_order_relaxed);
    return true;
  }
  const auto available = available_memory();
  if (!available) {
    return true;
  }
  const std::uint64_t usable = *available - std::min(*available, machine_reserve_bytes);
  if (usable < size_bytes) {
    return false;
  }
  // Other processes take from the same memory meanwhile: only an eighth of it is relied on.
  left = std::min(machine_check_bytes, (usable - size_bytes) / 8);
  unchecked_bytes.store(left, std::memory_order_relaxed);
  return true;
}

Segment::Segment(std::unique_ptr<State> state) : state_(std::move(state)) {}
Segment::~Segment() = default;

void Segment::keep_spare(std::uint64_t bytes) noexcept {
  state_->spare_bytes = bytes;
}

void Segment::keep(std::shared_ptr<const void> what) noexcept {
  state_->kept = std::move(what);
}

std::shared_ptr<Segment> Segment::create(const Geometry& geometry, std::uint64_t incarnation) {
  auto state = std::make_unique<State>();
  OpenFile opened = open_file(geometry.memory_bytes);
  state->file = std::move(opened.descriptor);
  state->kind = opened.kind;
  state->geometry = geometry;
  reserve_file(state->file, geometry.total_bytes());
  const std::uint64_t head_bytes = geometry.head_bytes();
  if (const int failure = take_pages(state->file.number(), 0, head_bytes); failure != 0) {
    throw Error(Errc::out_of_memory,
                "the node's memory cannot take its first " + std::to_string(head_bytes) + " bytes (" +
                    state->kind + "): free some of /dev/shm",
                std::generic_category().message(failure));
  }
  state->region = map(state->file, geometry.total_bytes());
  LOCUM_KILL_POINT("bootstrap: no header yet");

  const auto make_lock = [](auto& lock) {
    if (const int failure = RobustLock::make(lock); failure != 0) {
      throw system_error("the system cannot make a lock shared by processes", failure);
    }
  };
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    auto* shard = ::new (state->at(geometry.shards_offset() + index * sizeof(Shard))) Shard{};
    make_lock(shard->lock);
  }
  for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
    auto* share = ::new (state->at(geometry.shares_offset() + rank * sizeof(Share))) Share{};
    share->entries.store(entries_word(0, rank), std::memory_order_relaxed);
    make_lock(share->life);
  }
  for (std::uint32_t index = 0; index < most_budgets; ++index) {
    ::new (state->at(geometry.budgets_offset() + index * sizeof(Budget))) Budget{};
  }
  for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
    ::new (state->at(geometry.counts_offset(rank))) BudgetCounts{};
  }
  ::new (state->at(0)) SegmentHeader{.magic = segment_magic,
                                     .version = layout_version,
                                     .ranks = geometry.ranks,
                                     .memory_bytes = geometry.memory_bytes,
                                     .arena_bytes = geometry.arena_bytes,
                                     .directory_bytes = geometry.directory_bytes,
                                     .incarnation = incarnation,
                                     .generation = 0,
                                     .pressure = 0,
                                     .given_back = 0,
                                     .stores = 0,
                                     .memory_awaited = 0,
                                     .memory_freed = 0,
                                     .spill_wanted = 0,
                                     .spill_replies = 0,
                                     .spill_calls = 0,
                                     .budgets = 0,
                                     .collect_calls = 0,
                                     .highest_bytes = 0,
                                     .reserved = {}};
  LOCUM_KILL_POINT("bootstrap: header written");
  return std::shared_ptr<Segment>(new Segment(std::move(state)));
}

std::shared_ptr<Segment> Segment::attach(Descriptor descriptor, const Geometry& expected,
                                         std::uint64_t incarnation) {
  struct stat facts {};
  if (::fstat(descriptor.number(), &facts) != 0) {
    throw system_error("the descriptor of the node's memory cannot be used", errno);
  }
  // The size first: memory beyond it, or never committed, must not be accessed.
  if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) != expected.total_bytes() ||
      static_cast<std::uint64_t>(facts.st_blocks) * 512 < expected.head_bytes()) {
    throw Error(Errc::corrupt, "the node's memory has another size than this process expects (" +
                                   std::to_string(facts.st_size) + " and " +
                                   std::to_string(expected.total_bytes()) +
                                   " bytes): start all ranks with the same library and options");
  }
  auto state = std::make_unique<State>();
  state->file = std::move(descriptor);
  state->geometry = expected;
  char target[16] = {};
  const std::string link = "/proc/self/fd/" + std::to_string(state->file.number());
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  state->kind = length > 0 && std::string(target, static_cast<std::size_t>(length)).starts_with("/memfd:")
                    ? anonymous_file
                    : unnamed_file;
  state->region = map(state->file, expected.total_bytes());

  const auto& header = *std::launder(reinterpret_cast<const SegmentHeader*>(state->at(0)));
  if (header.magic != segment_magic || header.version != layout_version || header.ranks != expected.ranks ||
      header.memory_bytes != expected.memory_bytes || header.arena_bytes != expected.arena_bytes ||
      header.directory_bytes != expected.directory_bytes || header.incarnation != incarnation) {
    throw Error(Errc::corrupt,
                "another version of the library, with other options, or another runtime made the node's "
                "memory: start all ranks with the same library and options");
  }
  return std::shared_ptr<Segment>(new Segment(std::move(state)));
}

std::byte* Segment::base() const noexcept {
  return state_->at(0);
}
const Geometry& Segment::geometry() const noexcept {
  return state_->geometry;
}
SegmentHeader& Segment::header() const noexcept {
  return *std::launder(reinterpret_cast<SegmentHeader*>(state_->at(0)));
}
Share& Segment::share(std::uint32_t rank) const noexcept {
  return *std::launder(
      reinterpret_cast<Share*>(state_->at(geometry().shares_offset() + rank * sizeof(Share))));
}
Shard& Segment::shard(std::uint32_t index) const noexcept {
  return *std::launder(
      reinterpret_cast<Shard*>(state_->at(geometry().shards_offset() + index * sizeof(Shard))));
}
Budget& Segment::budget(std::uint32_t index) const noexcept {
  return *std::launder(
      reinterpret_cast<Budget*>(state_->at(geometry().budgets_offset() + index * sizeof(Budget))));
}
BudgetCounts& Segment::counts(std::uint32_t rank) const noexcept {
  return *std::launder(reinterpret_cast<BudgetCounts*>(state_->at(geometry().counts_offset(rank))));
}
int Segment::descriptor() const noexcept {
  return state_->file.number();
}
const std::string& Segment::kind() const noexcept {
  return state_->kind;
}

std::uint64_t Segment::committed_bytes() const noexcept {
  struct stat facts {};
  return ::fstat(descriptor(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_blocks) * 512 : 0;
}

// It moves the file position, which all processes of the node share and none uses.
std::uint64_t Segment::written_bytes(std::uint64_t offset, std::uint64_t size_bytes) const noexcept {
  const off_t hole = ::lseek(descriptor(), static_cast<off_t>(offset), SEEK_HOLE);
  const std::uint64_t end = hole < 0 ? offset : static_cast<std::uint64_t>(hole);
  return end <= offset ? 0 : std::min(end - offset, size_bytes);
}

void Segment::give_back(std::uint64_t offset, std::uint64_t size_bytes) noexcept {
  LOCUM_KILL_POINT("give back: about to");
  punch(descriptor(), offset, size_bytes);
  LOCUM_KILL_POINT("give back: given");
  notify_memory(header());
}

std::uint64_t Segment::left_for_objects() const noexcept {
  const std::uint64_t limit = geometry().memory_bytes;
  return limit - std::min(limit, committed_bytes() + state_->spare_bytes);
}

Result<void> Segment::commit_for_objects(std::uint64_t offset, std::uint64_t size_bytes) {
  if (const std::uint64_t spare = state_->spare_bytes; spare != 0 && size_bytes > left_for_objects()) {
    return Error(Errc::out_of_memory,
                 "the node's memory is full, evict objects or raise memory_bytes: asked for " +
                     std::to_string(size_bytes) + " bytes with " + std::to_string(committed_bytes()) +
                     " committed of memory_bytes = " + std::to_string(geometry().memory_bytes) +
                     ", of which " + std::to_string(spare) + " are kept for tables");
  }
  return commit(offset, size_bytes);
}

void Segment::map_pages(std::uint64_t offset, std::uint64_t size_bytes) const noexcept {
  static_cast<void>(::madvise(state_->at(offset), size_bytes, populate_write));
}

// The limit is checked before, so that a hopeless commit costs nothing, and after, because others commit at
// the same time: all that exceeded it together step back.
Result<void> Segment::commit(std::uint64_t offset, std::uint64_t size_bytes) {
  const std::uint64_t limit = geometry().memory_bytes;
  const std::uint64_t before = committed_bytes();
  const auto refusal = [&](const std::string& who, std::string detail) {
    return Error(Errc::out_of_memory,
                 who + ": asked for " + std::to_string(size_bytes) + " bytes with " + std::to_string(before) +
                     " committed of memory_bytes = " + std::to_string(limit),
                 std::move(detail));
  };
  const auto node_is_full = [&] {
    return refusal("the node's memory is full, evict objects or raise memory_bytes", {});
  };
  if (before > limit || size_bytes > limit - before) {
    return node_is_full();
  }
  if (!state_->machine_has(size_bytes)) {
    return refusal("the machine, or this job's control group, is short of memory, lower memory_bytes", {});
  }
  if (const int failure = take_pages(descriptor(), offset, size_bytes); failure != 0) {
    return refusal(failure == ENOSPC && kind() == unnamed_file
                       ? "/dev/shm is full, remove files from it or lower memory_bytes"
                       : "the system gives no more memory, lower memory_bytes",
                   std::generic_category().message(failure));
  }
  const std::uint64_t after = committed_bytes();
  if (after > limit) {
    give_back(offset, size_bytes);
    return node_is_full();
  }
  LOCUM_KILL_POINT("commit: all taken");
  raise_to(header().highest_bytes, after);
  return {};
}

}  // namespace locum::shm
