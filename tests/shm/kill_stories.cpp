#include "tests/shm/kill_stories.hpp"

#include <chrono>
#include <map>
#include <utility>

#include "tests/shm/kill_history.hpp"

namespace locum::tests {
namespace {

// Less than a rank waits that is held up by a death, and much more than a call takes on a busy machine.
constexpr std::chrono::nanoseconds longest_call = std::chrono::seconds(20);

class Stories {
 public:
  explicit Stories(const Scene& scene) : scene_(scene), made_by_(scene.ranks) {}

  void add(std::uint32_t rank, const Event& event);
  /// The adopter may also drop what a dead rank had made; only the library knows from when on: any drop after
  /// the dead rank's last act.
  void adopted(std::uint32_t rank, std::int64_t last_act_ns);
  [[nodiscard]] std::vector<std::string> contradictions();

 private:
  void tell(const Event& event) {
    stories_[{event.name, event.name == unnamed ? event.value : 0}].push_back(event);
  }
  void drop(const Event& made, Event dropped) {
    dropped.name = made.name;
    dropped.value = made.value;
    tell(dropped);
  }

  const Scene& scene_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<Event>> stories_;
  std::vector<std::vector<Event>> made_by_;  // and not dropped since
  std::vector<Event> drops_;
};

void Stories::add(std::uint32_t rank, const Event& event) {
  if (event.done && event.code == Errc::out_of_memory) {
    return;  // nothing was made
  }
  std::vector<Event>& own = made_by_[rank];
  switch (event.act) {
    case Act::put:
    case Act::seal:
    case Act::replace:
      if (!event.done || event.code == Errc{}) {
        own.push_back(event);
      }
      return tell(event);
    case Act::wait:
      if (scene_.spills && event.done && event.code == Errc::timeout) {
        return;  // the name may be bound, and its object on its way from disk
      }
      [[fallthrough]];
    case Act::get:
    case Act::get_key:
      return event.done ? tell(event) : void();
    case Act::evict:
    case Act::evict_key:
      return tell(event);
    case Act::list:
      for (std::uint32_t name = 0; event.done && name < scene_.names.size(); ++name) {
        Event listed = event;
        listed.name = name;
        listed.names = event.names >> name & 1U;
        tell(listed);
      }
      return;
    case Act::drop:
      for (const Event& made : own) {
        drop(made, event);
      }
      if (event.done) {
        own.clear();
      }
      drops_.push_back(event);
      return;
    default:
      return;
  }
}

void Stories::adopted(std::uint32_t rank, std::int64_t last_act_ns) {
  for (Event dropped : drops_) {
    dropped.done = false;
    for (const Event& made : made_by_[rank]) {
      if (dropped.end_ns > last_act_ns) {
        drop(made, dropped);
      }
    }
  }
}

std::vector<std::string> Stories::contradictions() {
  std::vector<std::string> found;
  for (auto& [what, story] : stories_) {
    if (auto wrong = contradiction(std::move(story))) {
      found.push_back(what.first == unnamed ? "an unnamed object: " + *wrong
                                            : "name " + std::to_string(what.first) + ": " + *wrong);
    }
  }
  return found;
}

}  // namespace

std::vector<std::string> judge(const Scene& scene, const Board& board,
                               std::span<const std::int64_t> settled_ns) {
  std::vector<std::string> complaints;
  Stories stories(scene);
  for (std::uint32_t rank = 0; rank < scene.ranks; ++rank) {
    const Journal& journal = board.journals[rank];
    if (journal.complaints.load() != 0) {
      complaints.push_back("rank " + std::to_string(rank) + ": " + journal.complaint.data());
    }
    for (std::uint32_t index = 0; index < journal.count.load(); ++index) {
      Event event = journal.events[index];
      if (!event.done) {
        event.end_ns = settled_ns[rank] != 0 ? settled_ns[rank] : now_ns();
      } else if (event.act != Act::open && event.end_ns - event.begin_ns > longest_call.count()) {
        complaints.push_back("rank " + std::to_string(rank) + " was kept waiting: " + describe(event));
      }
      stories.add(rank, event);
    }
  }
  for (std::uint32_t rank = 0; rank < scene.ranks; ++rank) {
    const Journal& journal = board.journals[rank];
    if (const std::uint32_t count = journal.count.load(); settled_ns[rank] != 0 && count != 0) {
      stories.adopted(rank, journal.events[count - 1].begin_ns);
    }
  }
  for (std::string& wrong : stories.contradictions()) {
    complaints.push_back(std::move(wrong));
  }
  return complaints;
}

}  // namespace locum::tests
