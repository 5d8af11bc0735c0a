#include "tests/transport/ucx/hosts.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "tests/shm/child.hpp"

namespace locum::tests {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void write_to(const char* path, const std::string& text) {
  const Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  if (file.number() < 0 || ::write(file.number(), text.data(), text.size()) < 0) {
    fail(path);
  }
}

// A user other than root becomes root in a new user namespace, if the system allows that.
void become_root() {
  const auto user = std::to_string(::geteuid());
  const auto group = std::to_string(::getegid());
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0) {
    return;
  }
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) {
    fail("no network namespace");
  }
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", "0 " + user + " 1");
  write_to("/proc/self/gid_map", "0 " + group + " 1");
}

Descriptor own_network() {
  Descriptor network(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (network.number() < 0) {
    fail("/proc/self/ns/net");
  }
  return network;
}

void enter_network(const Descriptor& network) {
  if (::setns(network.number(), CLONE_NEWNET) != 0) {
    fail("a network namespace cannot be entered");
  }
}

std::string port_of(int host) {
  return "port" + std::to_string(host);
}

std::string address_of(int host) {
  return "10.77.0." + std::to_string(host + 1);
}

}  // namespace

Hosts::Hosts(int count) {
  become_root();
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    fail("mounts cannot be made private");
  }
  bridge_ = own_network();
  run_at_bridge("ip link set lo up && ip link add bridge type bridge && ip link set bridge up");
  for (int host = 0; host < count; ++host) {
    if (::unshare(CLONE_NEWNET) != 0) {
      fail("no network namespace");
    }
    hosts_.push_back(own_network());
    const std::string its_network =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(hosts_.back().number());
    run_at_bridge("ip link add " + port_of(host) + " type veth peer name host netns " + its_network +
                  " && ip link set " + port_of(host) + " master bridge up");
    run(host, "ip link set lo up && ip addr add " + address_of(host) +
                  "/24 dev host && ip link set host up && nft add table netdev t && nft 'add chain netdev t "
                  "in { type filter hook ingress device host priority 0 ; }'");
    run_at_bridge("nft add table netdev t && nft 'add chain netdev t " + port_of(host) +
                  " { type filter hook ingress device " + port_of(host) + " priority 0 ; }'");
  }
  // UCX uses no device that is not up yet, which takes a moment.
  for (int host = 0; host < count; ++host) {
    run(host,
        "for i in $(seq 300); do ip -o link show host | grep -q 'state UP' && exit 0; sleep 0.1; done; exit "
        "1");
  }
  // A busy kernel forwards packets to a device only seconds after that is up.
  for (int host = 0; host < count; ++host) {
    const int other = (host + 1) % count;
    int tries = 10;
    while (!reaches(host, other)) {
      if (--tries == 0) {
        throw std::runtime_error("host " + std::to_string(host) + " does not reach host " +
                                 std::to_string(other));
      }
    }
  }
}

void Hosts::enter(int host) const {
  enter_network(hosts_[static_cast<std::size_t>(host)]);
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("sysfs", "/sys", "sysfs", MS_RDONLY, nullptr) != 0) {
    fail("no /sys of a host's own");
  }
}

void Hosts::set(int host, Link link) {
  const bool drops_sent = link == Link::cut || link == Link::receives_only;
  const bool drops_inbound = link == Link::cut || link == Link::sends_only;
  run_at_bridge("nft flush chain netdev t " + port_of(host) +
                (drops_sent ? " && nft add rule netdev t " + port_of(host) + " drop" : ""));
  run(host, std::string("nft flush chain netdev t in && ip link set host ") +
                (link == Link::down ? "down" : "up") +
                (drops_inbound ? " && nft add rule netdev t in drop" : ""));
}

// Nothing listens on that port: a host that is reached refuses the connection.
bool Hosts::reaches(int host, int other) const {
  enter_network(hosts_[static_cast<std::size_t>(host)]);
  const Descriptor connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(1);
  ::inet_pton(AF_INET, address_of(other).c_str(), &target.sin_addr);
  return ::connect(connection.number(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 &&
         errno == ECONNREFUSED;
}

void Hosts::run(int host, const std::string& command) const {
  enter_network(host < 0 ? bridge_ : hosts_[static_cast<std::size_t>(host)]);
  const std::string with_errors = "PATH=$PATH:/usr/sbin:/sbin; { " + command + "; } 2>&1";
  FILE* const output = ::popen(with_errors.c_str(), "r");
  if (output == nullptr) {
    fail("no shell");
  }
  std::string said;
  std::array<char, 256> piece{};
  while (const std::size_t length = std::fread(piece.data(), 1, piece.size(), output)) {
    said.append(piece.data(), length);
  }
  if (::pclose(output) != 0) {
    throw std::runtime_error("`" + command + "` fails here: " + said);
  }
}

std::optional<std::string> why_no_hosts() {
  const Ending ending = in_child([] {
    Hosts hosts(1);
    hosts.set(0, Hosts::Link::cut);
    return std::string();
  });
  if (ending.exit_code == 0) {
    return std::nullopt;
  }
  return "no network of namespaces here: " + ending.said;
}

}  // namespace locum::tests
