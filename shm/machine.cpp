#include "shm/machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include "shm/segment/available_memory.hpp"

namespace locum::shm {
namespace {

std::uint64_t soft_limit(decltype(RLIMIT_NOFILE) resource) {
  struct rlimit limit {};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return limit.rlim_cur;
}

std::int32_t cores_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Of a list such as "0-1,3".
std::int32_t count_of(std::string_view list) {
  std::int32_t count = 0;
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), part.size() + 1));
    int first = 0;
    int last = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), first);
    last = first;
    if (end != part.data() + part.size()) {
      (void)std::from_chars(end + 1, part.data() + part.size(), last);
    }
    count += last - first + 1;
  }
  return count;
}

// By a copy within this process, which a filter of system calls forbids like all others.
bool may_copy_between_processes() {
  int from = 1;
  int into = 0;
  const struct iovec local {
    &into, sizeof into
  };
  const struct iovec remote {
    &from, sizeof from
  };
  return ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == sizeof into && into == from;
}

}  // namespace

RankFacts facts_of_machine() {
  RankFacts facts;
  facts.cores_online = static_cast<std::int32_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  facts.cores_allowed = cores_allowed();
  facts.numa_nodes = std::max(1, count_of(first_line("/sys/devices/system/node/online")));
  facts.physical_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const SharedMount mount = shared_mount().value_or(SharedMount{});
  facts.shm_bytes = mount.size_bytes;
  facts.shm_free_bytes = mount.free_bytes;
  facts.open_files = soft_limit(RLIMIT_NOFILE);
  facts.locked_bytes = soft_limit(RLIMIT_MEMLOCK);
  facts.copies_between_processes = may_copy_between_processes();
  const std::string huge = first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  facts.huge_pages =
      !huge.empty() && huge.find("[never]") == std::string::npos && huge.find("[deny]") == std::string::npos;
  struct utsname names {};
  if (::uname(&names) == 0) {
    const std::string_view name(names.nodename);
    std::ranges::copy(name.substr(0, facts.host.size() - 1), facts.host.begin());
  }
  return facts;
}

}  // namespace locum::shm
