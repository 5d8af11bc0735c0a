#include "jobs/gray_scott/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <span>

#include "jobs/table.hpp"

namespace gray_scott {
namespace {

using jobs::format_bytes;
using jobs::format_seconds;
using jobs::Table;

double mean(std::span<const double> values) {
  return values.empty() ? 0.0 : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double largest(std::span<const double> values) {
  return values.empty() ? 0.0 : *std::max_element(values.begin(), values.end());
}

double median(std::vector<double> values) {
  if (values.empty()) {
    return 0.0;
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string cube(std::size_t grid) {
  const std::string side = std::to_string(grid);
  return side + " x " + side + " x " + side;
}

std::string time_table(const RunRecord& record) {
  Table table({"time of a rank", "simulating: mean", "max", "analysing: mean", "max"});
  const auto simulating = static_cast<std::size_t>(record.options.simulation_ranks);
  std::array<double, 4> in_all{};
  for (std::size_t phase = 0; phase < phase_count; ++phase) {
    std::vector<double> seconds;
    for (const auto& events : record.events) {
      seconds.push_back(seconds_by_phase(events)[phase]);
    }
    const auto sim = std::span(seconds).first(simulating);
    const auto ana = std::span(seconds).subspan(simulating);
    table.add({name_of(static_cast<Phase>(phase)), format_seconds(mean(sim)), format_seconds(largest(sim)),
               format_seconds(mean(ana)), format_seconds(largest(ana))});
    in_all[0] += mean(sim);
    in_all[2] += mean(ana);
  }
  table.add_rule();
  table.add({"in all", format_seconds(in_all[0]), "", format_seconds(in_all[2]), ""});
  return table.text();
}

std::string run_table(const RunRecord& record) {
  Table table({"the whole run", "time", "against alone"});
  table.add({"simulation alone", format_seconds(record.alone_s), ""});
  char ratio[32];
  std::snprintf(ratio, sizeof ratio, "%+.1f %%", 100.0 * (record.coupled_s / record.alone_s - 1.0));
  table.add({"with analysis", format_seconds(record.coupled_s), ratio});
  return table.text();
}

/// A rank's n-th event of that phase; none if it has not so many.
const Event* nth_event(const std::vector<Event>& events, Phase phase, std::size_t n) {
  for (const Event& event : events) {
    if (event.phase == phase && n-- == 0) {
      return &event;
    }
  }
  return nullptr;
}

/// A rank's n-th publishing is that of frame n.
std::string publish_table(const RunRecord& record) {
  Table table({"publishing U and V, a rank and frame", "times", "median", "mean", "max"});
  for (const Publish how : {Publish::create, Publish::put}) {
    std::vector<double> seconds;
    for (const auto& events : record.events) {
      std::size_t frame = 0;
      for (const Event& event : events) {
        if (event.phase == Phase::publishing && how_to_publish(record.options.publish, frame++) == how) {
          seconds.push_back(event.end_s - event.begin_s);
        }
      }
    }
    if (!seconds.empty()) {
      const char* label = how == Publish::create ? "create: the solver writes into the store"
                                                 : "put: the store copies its field, without ghosts";
      table.add({label, std::to_string(seconds.size()), format_seconds(median(seconds)),
                 format_seconds(mean(seconds)), format_seconds(largest(seconds))});
    }
  }
  return table.text();
}

/// How long a rank that analyses waits for the bytes of a frame that is there.
std::string fetch_table(const RunRecord& record) {
  std::vector<double> seconds;
  for (const auto& events : record.events) {
    for (const Event& event : events) {
      if (event.phase == Phase::fetching) {
        seconds.push_back(event.end_s - event.begin_s);
      }
    }
  }
  Table table({"waiting for the fields of a frame", "times", "median", "mean", "max"});
  const char* const way = record.transfers.under_way_s <= 0.0 ? "read in place: all are on one node"
                          : record.options.overlap            ? "overlap: fetched ahead of use"
                                                              : "no overlap: fetched when used";
  table.add({way, std::to_string(seconds.size()), format_seconds(median(seconds)),
             format_seconds(mean(seconds)), format_seconds(largest(seconds))});
  return table.text();
}

std::string traffic_table(const RunRecord& record) {
  Table table({"bytes by path, all ranks", "operations", "bytes"});
  for (const PathTraffic& row : record.traffic) {
    table.add({row.path, std::to_string(row.operations), format_bytes(static_cast<double>(row.bytes))});
  }
  return table.text();
}

/// How much of the transfers was hidden behind what the ranks computed; nothing where there were none.
std::string overlap_line(const RunRecord& record) {
  const auto [under_way_s, waited_for_s] = record.transfers;
  if (under_way_s <= 0.0) {
    return {};
  }
  char line[160];
  std::snprintf(line, sizeof line,
                "  fields under way from other nodes %s, waited for %s: %.0f %% hidden\n\n",
                format_seconds(under_way_s).c_str(), format_seconds(waited_for_s).c_str(),
                100.0 * std::max(1.0 - waited_for_s / under_way_s, 0.0));
  return line;
}

std::string fingerprint_line(const RunRecord& record) {
  char line[96];
  std::snprintf(line, sizeof line, "  fingerprint of U and V at the end: %016llx\n",
                static_cast<unsigned long long>(record.simulation.fingerprint));
  return line;
}

std::string mass_line(const RunRecord& record) {
  const double worst = worst_mass_difference(record.simulation);
  char line[160];
  std::snprintf(line, sizeof line,
                "  total mass of U and V, analysis against MPI_Allreduce of the simulation: %s, %.1e\n",
                worst <= largest_mass_difference ? "the same to round-off" : "DIFFERENT", worst);
  return line;
}

}  // namespace

double worst_mass_difference(const SimulationRecord& record) {
  if (record.reports.size() != record.masses.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double worst = 0.0;
  for (std::size_t frame = 0; frame < record.masses.size(); ++frame) {
    const Masses& own = record.masses[frame];
    const FrameReport& found = record.reports[frame];
    if (found.frame != record.first_frame + frame) {
      return std::numeric_limits<double>::infinity();
    }
    for (const double difference : {std::abs(found.mass_u - own.u) / std::abs(own.u),
                                    std::abs(found.mass_v - own.v) / std::abs(own.v)}) {
      if (std::isnan(difference)) {
        return std::numeric_limits<double>::infinity();
      }
      worst = std::max(worst, difference);
    }
  }
  return worst;
}

std::string summary_text(const RunRecord& record) {
  const DemoOptions& options = record.options;
  const double frame_bytes = 2.0 * sizeof(double) * std::pow(static_cast<double>(options.grid), 3);
  char head[256];
  std::snprintf(head, sizeof head, "\n  Gray-Scott %s, %llu steps, %zu frames of %s; %d %s, %d %s\n\n",
                cube(options.grid).c_str(), static_cast<unsigned long long>(options.frames() * options.every),
                options.frames(), format_bytes(frame_bytes).c_str(), options.simulation_ranks,
                options.simulation_ranks == 1 ? "rank simulates" : "ranks simulate", options.analysis_ranks,
                options.analysis_ranks == 1 ? "analyses" : "analyse");
  return head + time_table(record) + '\n' + run_table(record) + '\n' + publish_table(record) + '\n' +
         fetch_table(record) + '\n' + overlap_line(record) + traffic_table(record) + '\n' +
         mass_line(record) + fingerprint_line(record);
}

std::vector<TimelineRow> timeline_rows(const RunRecord& record) {
  std::vector<TimelineRow> rows;
  for (std::size_t rank = 0; rank < record.events.size(); ++rank) {
    const bool simulates = rank < static_cast<std::size_t>(record.options.simulation_ranks);
    rows.push_back({(simulates ? "sim " : "analysis ") + std::to_string(rank), record.events[rank]});
  }
  return rows;
}

std::string timeline_title(const RunRecord& record) {
  return "Gray-Scott " + cube(record.options.grid) + ", " + std::to_string(record.options.frames()) +
         " frames, published by " +
         (record.options.publish == Publish::both ? std::string("create and put in turns")
                                                  : std::string(name_of(record.options.publish)));
}

TimeWindow window_of_frame(const RunRecord& record, std::size_t frame) {
  TimeWindow window{std::numeric_limits<double>::infinity(), 0.0};
  const auto simulating = static_cast<std::size_t>(record.options.simulation_ranks);
  const auto analysing = static_cast<std::size_t>(record.options.analysis_ranks);
  const auto include = [&window](const Event* event) {
    if (event != nullptr) {
      window.begin_s = std::min(window.begin_s, event->begin_s);
      window.end_s = std::max(window.end_s, event->end_s);
    }
  };
  for (std::size_t rank = 0; rank < simulating; ++rank) {
    include(nth_event(record.events[rank], Phase::publishing, frame));
  }
  include(nth_event(record.events[simulating + frame % analysing], Phase::analysis, frame / analysing));
  const double margin_s = 0.1 * (window.end_s - window.begin_s);
  return {std::max(window.begin_s - margin_s, 0.0), window.end_s + margin_s};
}

}  // namespace gray_scott
