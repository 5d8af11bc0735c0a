#include "tests/shm/kill_coverage.hpp"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <string_view>
#include <utility>

namespace locum::tests {
namespace {

constexpr std::uint64_t enough_deaths = 10;  // in one operation

// What must have killed somebody. The work that no operation of its own does is told by the names of points.
struct Wanted {
  std::string_view what;
  std::vector<Act> acts;
  std::string_view prefix;
};

const std::vector<Wanted>& all_wanted() {
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

}  // namespace

KillCoverage::KillCoverage(std::uint64_t seed) : random_(seed), points_(kill_points().size()) {}

// Anywhere among the times that it is reached in one run, but sooner rather than later.
Plan::Aim KillCoverage::aim_at(std::uint32_t point) {
  Point& target = points_[point];
  const std::uint64_t usual = target.runs == 0 ? 1 : std::max<std::uint64_t>(target.reached / target.runs, 1);
  ++target.aimed;
  // Who aims often and never hits asks for too much.
  const std::uint64_t most = target.aimed > 4 * (target.deaths + 1) ? 1 : usual;
  Plan::Aim aim;
  aim.point = point;
  aim.occurrence = static_cast<std::int64_t>(1 + draw(most));
  if (most > 4 && draw(2) == 0) {
    aim.rank = static_cast<std::uint32_t>(draw(most_ranks));
    aim.occurrence = 1 + aim.occurrence / most_ranks;
  }
  return aim;
}

// Some operations meet few points, and those are met more often by others. So now and then the operation is
// what is aimed at: the one in which fewest have died, at a point that it reaches.
std::optional<Plan::Aim> KillCoverage::aim_at_an_operation() {
  std::optional<std::pair<std::uint64_t, Act>> rarest;
  for (const Wanted& wanted : all_wanted()) {
    for (const Act act : wanted.acts) {
      const std::uint64_t deaths = deaths_in_[static_cast<std::size_t>(act)];
      if (deaths < enough_deaths && (!rarest || deaths < rarest->first)) {
        rarest = {deaths, act};
      }
    }
  }
  if (!rarest) {
    return std::nullopt;
  }
  const auto act = static_cast<std::size_t>(rarest->second);
  std::vector<std::uint32_t> met;
  for (std::uint32_t point = 0; point < points_.size(); ++point) {
    if (points_[point].reached_in[act] != 0) {
      met.push_back(point);
    }
  }
  if (met.empty()) {
    return std::nullopt;
  }
  Plan::Aim aim;
  aim.point = met[draw(met.size())];
  aim.only_in = rarest->second;
  return aim;
}

Plan KillCoverage::next(std::uint32_t steps) {
  Plan plan;
  plan.seed = random_();
  plan.steps = steps;
  if (points_.empty()) {
    return plan;
  }
  if (draw(8) == 0) {
    if (const auto aim = aim_at_an_operation()) {
      plan.aims[0] = *aim;
      return plan;
    }
  }
  const std::uint32_t target = rarest_point();
  Point& aimed = points_[target];
  plan.aims[0] = aim_at(target);
  // Some points are met in few runs: some need a certain scene, those of adoption and repair a death before.
  const bool is_rare = aimed.runs < runs_ / 4 || aimed.peaceful_runs < aimed.runs / 8;
  if (!aimed.met_in.empty() && is_rare) {
    const Plan& model = aimed.met_in[draw(aimed.met_in.size())];
    plan.seed = model.seed;
    const auto before = std::ranges::find_if(
        model.aims, [&](const Plan::Aim& aim) { return aim.point != no_point && aim.point != target; });
    if (before != model.aims.end()) {
      plan.aims[1] = *before;
    }
  } else if (draw(4) == 0 || aimed.runs == 0) {
    const auto before = static_cast<std::uint32_t>(draw(points_.size()));
    if (before != target) {
      plan.aims[1] = aim_at(before);
    }
  }
  return plan;
}

// Where fewest have died; what was aimed at in vain may wait a little.
std::uint32_t KillCoverage::rarest_point() {
  std::vector<std::uint32_t> order(points_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::shuffle(order, random_);
  return *std::ranges::min_element(
      order, {}, [&](std::uint32_t point) { return 16 * points_[point].deaths + points_[point].aimed; });
}

void KillCoverage::count(const Plan& plan, const Board& board) {
  constexpr std::size_t most_models = 16;
  ++runs_;
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

std::vector<std::string> KillCoverage::missing() const {
  std::vector<std::string> names;
  const auto points = kill_points();
  for (std::size_t index = 0; index < points_.size(); ++index) {
    if (points_[index].deaths == 0) {
      names.push_back(std::string("the point '") + points[index].name + "', reached " +
                      std::to_string(points_[index].reached) + " times");
    }
  }
  for (const Wanted& wanted : all_wanted()) {
    std::uint64_t deaths = 0;
    for (const Act act : wanted.acts) {
      deaths += deaths_in_[static_cast<std::size_t>(act)];
    }
    for (std::size_t index = 0; !wanted.prefix.empty() && index < points_.size(); ++index) {
      deaths += std::string_view(points[index].name).starts_with(wanted.prefix) ? points_[index].deaths : 0;
    }
    if (deaths == 0) {
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
  text << std::left << std::setw(44) << "kill point" << std::setw(30) << "place" << std::right
       << std::setw(10) << "reached" << std::setw(8) << "deaths"
       << "  in\n";
  for (const std::size_t index : order) {
    const Point& point = points_[index];
    const std::string_view path = points[index].file;
    const std::size_t slash = path.rfind('/', path.rfind('/') - 1);
    const std::string place = std::string(path.substr(slash == std::string_view::npos ? 0 : slash + 1)) +
                              ':' + std::to_string(points[index].line);
    text << std::left << std::setw(44) << points[index].name << std::setw(30) << place << std::right
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
  return text.str();
}

}  // namespace locum::tests
