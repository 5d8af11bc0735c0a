#include "tests/shm/kill_run.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "core/base/descriptor.hpp"
#include "shm/segment/futex.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/kill_history.hpp"
#include "tests/shm/kill_stories.hpp"

namespace locum::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest_phase{50};
constexpr milliseconds hasty{300};

// In a rank: the phases, one after the other, each when the test begins it.
std::string play(const Scene& scene, Board& board, Group& group, int arrivals) {
  const auto own = static_cast<std::uint32_t>(group.rank());
  play_on(board, own);
  KillRank rank(scene, board, group);
  const auto arrive = [&](std::uint32_t phases) {
    board.journals[own].arrived.store(phases, std::memory_order_release);
    const std::uint64_t one = 1;
    return ::write(arrivals, &one, sizeof one) == static_cast<ssize_t>(sizeof one);
  };
  for (std::uint32_t done = 0;;) {
    const auto latest = Deadline::Clock::now() + 2 * longest_phase;
    while (board.begun.load(std::memory_order_acquire) == done) {
      if (Deadline::Clock::now() > latest) {
        return "the test itself is gone";
      }
      shm::futex_wait(board.begun, done, latest);
    }
    const auto phase = static_cast<Phase>(board.phase.load());
    if (!rank.perform(phase)) {
      return arrive(left_early) ? "refused" : "the test itself is gone";
    }
    if (!arrive(++done)) {
      return "the test itself is gone";
    }
    if (phase == Phase::close) {
      return "played";
    }
  }
}

// The files in /dev/shm and our sockets; only if no other program can change them.
struct Leftovers {
  std::uint64_t blocks = 0;
  std::uint64_t files = 0;
  std::uint64_t sockets = 0;
  friend bool operator==(const Leftovers&, const Leftovers&) = default;
};

Leftovers leftovers(const Surroundings& surroundings) {
  Leftovers found;
  struct statvfs facts {};
  if (surroundings.own_shared_memory && ::statvfs("/dev/shm", &facts) == 0) {
    found.blocks = facts.f_blocks - facts.f_bfree;
    found.files = facts.f_files - facts.f_ffree;
  }
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; surroundings.own_network && std::getline(sockets, line);) {
    found.sockets += line.find("@locum-") != std::string::npos ? 1 : 0;
  }
  return found;
}

class Run {
 public:
  Run(const Plan& plan, Board& board, const Surroundings& surroundings);
  Verdict verdict();

 private:
  [[nodiscard]] bool lead(Phase phase);
  [[nodiscard]] bool lead_undisturbed(std::initializer_list<Phase> phases);
  [[nodiscard]] bool all_arrived();
  void see_deaths();
  void end();
  [[nodiscard]] std::string whereabouts() const;
  void complain(std::string text) { verdict_.complaints.push_back(std::move(text)); }

  Board& board_;
  const Scene scene_;
  const Surroundings surroundings_;
  const Leftovers before_ = leftovers(surroundings_);
  Descriptor completions_;
  std::vector<Child> children_;
  std::vector<Descriptor> lives_;
  std::vector<std::int64_t> settled_ns_;  // by rank: when its death was handled completely; 0 while it lives
  Verdict verdict_;
};

std::uint32_t victims_of(const Plan& plan) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(plan.aims, [](const Plan::Aim& aim) { return aim.point != no_point; }));
}

Scene scene_of(const Plan& plan) {
  const std::uint32_t victims = victims_of(plan);
  Scene scene = Scene::of(plan.seed, std::max(victims + 1, 2U), plan.steps);
  // The first rank waits that long for one that died before it requested the memory.
  const bool dies_early = std::ranges::any_of(plan.aims, [](const Plan::Aim& aim) {
    return aim.point != no_point && std::string_view(kill_points()[aim.point].name).starts_with("bootstrap");
  });
  if (dies_early) {
    scene.options.timeout = hasty;
  }
  return scene;
}

Run::Run(const Plan& plan, Board& board, const Surroundings& surroundings)
    : board_(board),
      scene_(scene_of(plan)),
      surroundings_(surroundings),
      completions_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  verdict_.ranks = scene_.ranks;
  for (std::size_t aim = 0; aim < plan.aims.size(); ++aim) {
    board.shots[aim].point = plan.aims[aim].point;
    board.shots[aim].rank = plan.aims[aim].rank == any_rank ? any_rank : plan.aims[aim].rank % scene_.ranks;
    board.shots[aim].only_in = plan.aims[aim].only_in;
    board.shots[aim].left.store(plan.aims[aim].occurrence);
  }
  children_ = start_group(static_cast<int>(scene_.ranks),
                          [&](Group& group) { return play(scene_, board_, group, completions_.number()); });
  for (const Child& child : children_) {
    lives_.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, child.id(), 0)));
    if (!lives_.back().is_open()) {
      throw std::runtime_error("this kernel has no pidfd_open: Linux 5.3 or later is needed here");
    }
  }
  settled_ns_.assign(scene_.ranks, 0);
}

Verdict Run::verdict() {
  static_cast<void>(
      lead(Phase::open) && lead(Phase::play) && lead_undisturbed({}) && lead(Phase::play_on) &&
      lead_undisturbed({Phase::look, Phase::check}) && lead(Phase::let_go) &&
      lead_undisturbed({Phase::drop, Phase::sweep, Phase::collect, Phase::measure, Phase::compare}) &&
      lead(Phase::close));
  end();
  for (std::string& complaint : judge(scene_, board_, settled_ns_)) {
    complain(std::move(complaint));
  }
  return std::move(verdict_);
}

// A dead rank may have left early, or may have finished everything.
void Run::see_deaths() {
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    pollfd life{.fd = lives_[rank].number(), .events = POLLIN, .revents = 0};
    if (::poll(&life, 1, 0) == 1) {
      board_.dead.fetch_or(1U << rank);
    }
  }
}

bool Run::all_arrived() {
  see_deaths();
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    const bool dead = (board_.dead.load() >> rank & 1U) != 0;
    if (!dead && board_.journals[rank].arrived.load(std::memory_order_acquire) != board_.begun.load()) {
      return false;
    }
  }
  return true;
}

// Phases that check what dead ranks leave: begun once their shares are adopted, and repeated if another rank
// dies meanwhile.
bool Run::lead_undisturbed(std::initializer_list<Phase> phases) {
  for (;;) {
    std::array<std::uint32_t, most_ranks> complaints{};
    for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
      complaints[rank] = board_.journals[rank].complaints.load();
    }
    board_.compared.store(false);
    const std::uint32_t dead = board_.dead.load();
    if (dead != 0 && !lead(Phase::settle)) {
      return false;
    }
    const std::int64_t settled_ns = now_ns();
    if (board_.dead.load() == dead) {
      for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
        settled_ns_[rank] =
            (dead >> rank & 1U) != 0 && settled_ns_[rank] == 0 ? settled_ns : settled_ns_[rank];
      }
      for (const Phase phase : phases) {
        if (board_.dead.load() == dead && !lead(phase)) {
          return false;
        }
      }
    }
    if (board_.dead.load() == dead) {
      return true;
    }
    for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
      board_.journals[rank].complaints.store(complaints[rank]);
    }
  }
}

// Leads all living ranks through a phase. False if one of them does not finish it.
bool Run::lead(Phase phase) {
  board_.phase.store(static_cast<std::uint32_t>(phase));
  board_.begun.fetch_add(1, std::memory_order_release);
  shm::futex_wake_all(board_.begun);
  const auto latest = Deadline::Clock::now() + longest_phase;
  while (!all_arrived()) {
    const auto left = std::chrono::ceil<milliseconds>(latest - Deadline::Clock::now());
    if (left <= milliseconds(0)) {
      complain("phase '" + std::string(name_of(phase)) + "' does not end:" + whereabouts());
      return false;
    }
    std::vector<pollfd> awaited{{.fd = completions_.number(), .events = POLLIN, .revents = 0}};
    for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
      if ((board_.dead.load() >> rank & 1U) == 0) {
        awaited.push_back({.fd = lives_[rank].number(), .events = POLLIN, .revents = 0});
      }
    }
    ::poll(awaited.data(), awaited.size(), static_cast<int>(left.count()));
    std::uint64_t count = 0;
    while (::read(completions_.number(), &count, sizeof count) > 0) {
    }
  }
  return true;
}

std::string Run::whereabouts() const {
  std::ostringstream text;
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    const Journal& journal = board_.journals[rank];
    text << "\n  rank " << rank << ((board_.dead.load() >> rank & 1U) != 0 ? " (dead)" : "") << ": finished "
         << journal.arrived.load() << " phases, last: ";
    if (const std::uint32_t count = journal.count.load(); count > 0) {
      text << describe(journal.events[count - 1]);
    }
  }
  return text.str();
}

// When this returns no process is left, and nothing of them.
void Run::end() {
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    if (!verdict_.complaints.empty()) {
      children_[rank].kill();
    }
    const Ending ending = children_[rank].wait();
    bool shot = false;
    for (const Shot& each : board_.shots) {
      if (each.hit.load() && each.victim == rank) {
        shot = true;
        verdict_.deaths.push_back("rank " + std::to_string(rank) + " at '" + kill_points()[each.point].name +
                                  "' in " + std::string(name_of(each.act)));
        if (each.found.front() != '\0') {
          complain(verdict_.deaths.back() + ", where " + each.found.data());
        }
      }
    }
    if (shot && ending.signal == SIGKILL) {
      continue;
    }
    const bool refused = board_.journals[rank].arrived.load() == left_early;
    if (verdict_.complaints.empty() &&
        (ending.exit_code != 0 || ending.said != (refused ? "refused" : "played"))) {
      complain("rank " + std::to_string(rank) + " ended with code " + std::to_string(ending.exit_code) +
               ", signal " + std::to_string(ending.signal) + ", with the text: " + ending.said);
    }
    const bool in_haste = scene_.options.timeout == hasty;  // a busy machine may take longer
    if (refused && !in_haste && !board_.shots[0].hit.load() && !board_.shots[1].hit.load()) {
      complain("rank " + std::to_string(rank) + " could not open the node although no rank died");
    }
  }
  children_.clear();
  if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) {
    complain("a process is left");
  }
  const Leftovers after = leftovers(surroundings_);
  if (!(after == before_)) {
    complain("left behind: " + std::to_string(after.blocks - before_.blocks) + " blocks and " +
             std::to_string(after.files - before_.files) + " files in /dev/shm, " +
             std::to_string(after.sockets - before_.sockets) + " sockets");
  }
}

}  // namespace

std::string to_string(const Plan& plan) {
  std::ostringstream text;
  text << plan.seed << ' ' << plan.steps;
  for (const Plan::Aim& aim : plan.aims) {
    text << " | " << (aim.point == no_point ? "-" : kill_points()[aim.point].name) << " | "
         << (aim.rank == any_rank ? "any" : std::to_string(aim.rank)) << " | " << aim.occurrence << " | "
         << (aim.only_in ? name_of(*aim.only_in) : "any");
  }
  return text.str();
}

Plan plan_from(const std::string& line) {
  std::istringstream text(line);
  Plan plan;
  std::string field;
  if (!(text >> plan.seed >> plan.steps) || !std::getline(text, field, '|')) {
    throw std::invalid_argument("not the line of a run: " + line);
  }
  const auto next = [&] {
    if (!std::getline(text, field, '|')) {
      throw std::invalid_argument("not the line of a run: " + line);
    }
    const auto begin = field.find_first_not_of(' ');
    return begin == std::string::npos ? std::string()
                                      : field.substr(begin, field.find_last_not_of(' ') - begin + 1);
  };
  for (Plan::Aim& aim : plan.aims) {
    const std::string name = next();
    const auto points = kill_points();
    const auto found =
        std::ranges::find_if(points, [&](const shm::KillPoint& point) { return point.name == name; });
    if (found != points.end()) {
      aim.point = static_cast<std::uint32_t>(found - points.begin());
    } else if (name != "-") {
      throw std::invalid_argument("no kill point is called '" + name + "'");
    }
    const std::string rank = next();
    aim.rank = rank == "any" ? any_rank : static_cast<std::uint32_t>(std::stoul(rank));
    aim.occurrence = std::stol(next());
    aim.only_in = act_of(next());
  }
  return plan;
}

Verdict run(const Plan& plan, Board& board, const Surroundings& surroundings) {
  return Run(plan, board, surroundings).verdict();
}

}  // namespace locum::tests
