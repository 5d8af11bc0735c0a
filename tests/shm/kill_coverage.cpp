#include "tests/shm/kill_coverage.hpp"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <string_view>
#include <utility>

namespace locum::tests {

namespace {

// One of these points is reached where an owner dies between two steps of moving an object of its own to
// disk, nobody looks for that object before the adopter comes to it, and that one dies there: on a busy
// machine a few of thousand runs get there. The other one where somebody views an object in the moment in
// which it is moved.
bool needs_luck(std::string_view point) {
  return point == "adopt: an object stays" || point == "leave: stays";
}
constexpr std::uint64_t seldom = 50;

}  // namespace

// The required deaths. Work outside of operations is identified by the names of points.
struct KillCoverage::Wanted {
  std::string_view what;
  std::vector<Act> acts;
  std::string_view prefix;
};

const std::vector<KillCoverage::Wanted>& KillCoverage::all_wanted() {
  static const std::vector<Wanted> wanted{
      {"put", {Act::put}, {}},
      {"create", {Act::create}, {}},
      {"seal", {Act::seal}, {}},
      {"replace", {Act::replace}, {}},
      {"get", {Act::get, Act::get_key, Act::wait}, {}},
      {"release", {Act::release}, {}},
      {"evict", {Act::evict, Act::evict_key}, {}},
      {"drop", {Act::drop}, {}},
      {"commit of a step", {}, "commit"},
      {"give-back", {}, "give back"},
      {"adoption", {}, "adopt"},
      {"bootstrap", {}, "bootstrap"},
      {"close", {}, "close"},
  };
  return wanted;
}

KillCoverage::KillCoverage(std::uint64_t seed) : random_(seed), points_(kill_points().size()) {}

// At any of the times that it is reached in one run, in that act or in any.
Plan::Aim KillCoverage::aim_at(const Target& target) {
  Point& point = points_[target.point];
  std::uint64_t times = point.reached;
  std::uint64_t deaths = point.deaths;
  std::uint64_t aimed = ++point.aimed;
  if (target.act) {
    const auto act = static_cast<std::size_t>(*target.act);
    times = point.reached_in[act];
    deaths = point.deaths_in[act];
    aimed = ++point.aimed_in[act];
  }
  Plan::Aim aim;
  aim.point = target.point;
  aim.only_in = target.act;
  // Runs differ: most reach a point at least half as often as usual. After many misses the aim is lowered.
  const std::uint64_t usual = point.runs == 0 ? 1 : std::max<std::uint64_t>(times / point.runs / 2, 1);
  const std::uint64_t most = aimed > 4 * (deaths + 1) ? 1 : usual;
  aim.occurrence = static_cast<std::int64_t>(1 + draw(most));
  if (most > 4 && !aim.only_in) {
    aim.rank = static_cast<std::uint32_t>(draw(most_ranks));
    aim.occurrence = 1 + aim.occurrence / most_ranks;
  }
  return aim;
}

std::vector<std::size_t> KillCoverage::shuffled(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, random_);
  return order;
}

Plan KillCoverage::next(std::uint32_t steps) {
  Plan plan;
  plan.seed = random_();
  plan.steps = steps;
  if (points_.empty()) {
    return plan;
  }
  const Target target = rarest();
  const Point& aimed = points_[target.point];
  plan.aims[0] = aim_at(target);
  // Some points are reached in few runs: some need a certain scene, those of adoption and repair a death
  // before.
  const bool is_rare = aimed.runs < runs_ / 4 || aimed.peaceful_runs < aimed.runs / 8;
  if (!aimed.met_in.empty() && is_rare) {
    const Plan& model = aimed.met_in[draw(aimed.met_in.size())];
    plan.seed = model.seed;
    const auto before = std::ranges::find_if(
        model.aims, [&](const Plan::Aim& aim) { return aim.point != no_point && aim.point != target.point; });
    if (before != model.aims.end()) {
      plan.aims[1] = *before;
      // Runs differ: this one may not come to that place as often.
      plan.aims[1].occurrence =
          1 + static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(before->occurrence)));
    }
  } else if (draw(4) == 0 || aimed.runs == 0) {
    const auto before = static_cast<std::uint32_t>(draw(points_.size()));
    if (before != target.point) {
      plan.aims[1] = aim_at({before, std::nullopt});
    }
  }
  return plan;
}

// The point with the fewest deaths; one that was aimed at in vain may wait a little. First every point, then
// every operation that passes it: the state left there depends on the operation. Operations that pass few
// points are included.
KillCoverage::Target KillCoverage::rarest() {
  std::optional<Target> point;
  std::optional<Target> in_act;
  std::uint64_t least = 0;
  std::uint64_t least_in_act = 0;
  for (const std::size_t index : shuffled(points_.size())) {
    const Point& each = points_[index];
    const Target target{static_cast<std::uint32_t>(index), std::nullopt};
    if (const std::uint64_t had = 16 * each.deaths + each.aimed; !point || had < least) {
      point = target;
      least = had;
    }
    for (std::size_t act = 0; act < act_count; ++act) {
      const std::uint64_t had = 16 * each.deaths_in[act] + each.aimed_in[act] + deaths_in_[act];
      if (each.reached_in[act] != 0 && (!in_act || had < least_in_act)) {
        in_act = Target{target.point, static_cast<Act>(act)};
        least_in_act = had;
      }
    }
  }
  return in_act && points_[point->point].deaths != 0 && draw(4) != 0 ? *in_act : *point;
}

void KillCoverage::count(const Plan& plan, const Board& board) {
  constexpr std::size_t most_models = 16;
  ++runs_;
  const auto deaths = std::ranges::count_if(board.shots, [](const Shot& shot) { return shot.hit.load(); });
  ++runs_with_[static_cast<std::size_t>(deaths)];
  Plan played = plan;
  for (std::size_t aim = 0; aim < played.aims.size(); ++aim) {
    if (!board.shots[aim].hit.load()) {
      played.aims[aim] = {};
    }
  }
  for (std::uint32_t index = 0; index < points_.size(); ++index) {
    Point& point = points_[index];
    std::uint64_t times = 0;
    for (std::size_t act = 0; act < act_count; ++act) {
      const std::uint64_t in_act = board.reached[index][act].load();
      point.reached_in[act] += in_act;
      times += in_act;
    }
    point.reached += times;
    point.runs += times > 0 ? 1 : 0;
    if (times > 0 && point.met_in.size() < most_models) {
      point.met_in.push_back(played);
    }
    const bool died_elsewhere = std::ranges::any_of(
        played.aims, [&](const Plan::Aim& aim) { return aim.point != no_point && aim.point != index; });
    point.peaceful_runs += times > 0 && !died_elsewhere ? 1 : 0;
    for (const Shot& shot : board.shots) {
      if (!shot.hit.load()) {
        continue;
      }
      if (shot.point == index) {
        ++point.deaths;
        ++point.deaths_in[static_cast<std::size_t>(shot.act)];
        ++deaths_in_[static_cast<std::size_t>(shot.act)];
      }
    }
  }
}

std::uint64_t KillCoverage::deaths_in(const Wanted& wanted) const {
  std::uint64_t deaths = 0;
  for (const Act act : wanted.acts) {
    deaths += deaths_in_[static_cast<std::size_t>(act)];
  }
  const auto points = kill_points();
  for (std::size_t index = 0; !wanted.prefix.empty() && index < points_.size(); ++index) {
    deaths += std::string_view(points[index].name).starts_with(wanted.prefix) ? points_[index].deaths : 0;
  }
  return deaths;
}

std::vector<std::string> KillCoverage::missing() const {
  std::vector<std::string> names;
  const auto points = kill_points();
  for (std::size_t index = 0; index < points_.size(); ++index) {
    if (points_[index].deaths == 0 && !(points_[index].reached < seldom && needs_luck(points[index].name))) {
      names.push_back(std::string("the point '") + points[index].name + "', reached " +
                      std::to_string(points_[index].reached) + " times");
    }
  }
  for (const Wanted& wanted : all_wanted()) {
    if (deaths_in(wanted) == 0) {
      names.push_back("the operation '" + std::string(wanted.what) + "'");
    }
  }
  return names;
}

std::string KillCoverage::table() const {
  const auto points = kill_points();
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t index) {
    return std::pair(std::string_view(points[index].file), points[index].line);
  });
  std::ostringstream text;
  text << std::left << std::setw(52) << "kill point" << std::setw(30) << "place" << std::right
       << std::setw(10) << "reached" << std::setw(8) << "deaths"
       << "  in\n";
  for (const std::size_t index : order) {
    const Point& point = points_[index];
    const std::string_view path = points[index].file;
    const std::size_t slash = path.rfind('/', path.rfind('/') - 1);
    const std::string place = std::string(path.substr(slash == std::string_view::npos ? 0 : slash + 1)) +
                              ':' + std::to_string(points[index].line);
    text << std::left << std::setw(52) << points[index].name << std::setw(30) << place << std::right
         << std::setw(10) << point.reached << std::setw(8) << point.deaths << ' ';
    const char* comma = " ";
    for (std::size_t act = 0; act < act_count; ++act) {
      if (point.deaths_in[act] != 0) {
        text << comma << name_of(static_cast<Act>(act)) << ' ' << point.deaths_in[act];
        comma = ", ";
      }
    }
    text << '\n';
  }
  text << "runs with no, one and two deaths: " << runs_with_[0] << ", " << runs_with_[1] << ", "
       << runs_with_[2] << " (a rank may not reach its point as often as was drawn)\ndeaths by operation:";
  const char* comma = " ";
  for (const Wanted& wanted : all_wanted()) {
    text << comma << wanted.what << ' ' << deaths_in(wanted);
    comma = ", ";
  }
  text << '\n';
  return text.str();
}

}  // namespace locum::tests
