#include "jobs/gray_scott/roles.hpp"

#include <cstdio>
#include <utility>
#include <vector>

#include "jobs/gray_scott/analysis.hpp"
#include "jobs/gray_scott/color_map.hpp"
#include "jobs/gray_scott/frame.hpp"

namespace gray_scott {
namespace {

Masses advance_to_next_frame(Solver& solver, const DemoOptions& options) {
  for (std::uint64_t step = 0; step < options.every; ++step) {
    solver.step();
  }
  return {solver.total_mass(Species::u), solver.total_mass(Species::v)};
}

void show_reports(const std::vector<FrameReport>& reports, const DemoOptions& options, Progress& progress) {
  for (const FrameReport& report : reports) {
    char line[160];
    std::snprintf(line, sizeof line,
                  "frame %3llu of %zu   step %6llu   V from %.4f to %.4f, mean %.5f   isosurface %llu cells",
                  static_cast<unsigned long long>(report.frame + 1), options.frames(),
                  static_cast<unsigned long long>((report.frame + 1) * options.every), report.min_v,
                  report.max_v, report.mean_v, static_cast<unsigned long long>(report.isosurface_cells));
    progress.show(line);
  }
}

}  // namespace

void simulate_alone(Solver& solver, const DemoOptions& options, Progress& progress) {
  solver.reset();
  for (std::size_t frame = 0; frame < options.frames(); ++frame) {
    advance_to_next_frame(solver, options);
    if ((frame + 1) % 5 == 0 || frame + 1 == options.frames()) {
      char line[96];
      std::snprintf(line, sizeof line, "simulation alone, for comparison: step %6llu of %llu",
                    static_cast<unsigned long long>(solver.steps_done()),
                    static_cast<unsigned long long>(options.frames() * options.every));
      progress.show(line);
    }
  }
  progress.finish();
}

SimulationRecord simulate_coupled(Solver& solver, Coupling& coupling, const DemoOptions& options,
                                  EventLog& log, Progress& progress) {
  SimulationRecord record;
  const auto take = [&](const std::vector<FrameReport>& reports) {
    show_reports(reports, options, progress);
    record.reports.insert(record.reports.end(), reports.begin(), reports.end());
  };
  log.during(Phase::simulation, [&] { solver.reset(); });
  for (std::size_t frame = 0; frame < options.frames(); ++frame) {
    record.masses.push_back(
        log.during(Phase::simulation, [&] { return advance_to_next_frame(solver, options); }));
    take(log.during(Phase::waiting, [&] { return coupling.wait_for_room(); }));
    log.during(Phase::publishing,
               [&] { coupling.publish(solver, frame, how_to_publish(options.publish, frame)); });
  }
  take(log.during(Phase::waiting, [&] { return coupling.wait_for_all(); }));
  progress.finish();
  return record;
}

void analyse_frames(Coupling& coupling, const DemoOptions& options, EventLog& log) {
  const ColorMap colors;
  const AnalysisRange range;
  std::vector<std::size_t> frames;
  for (std::size_t frame = 0; frame < options.frames(); ++frame) {
    if (coupling.analyses(frame)) {
      frames.push_back(frame);
    }
  }
  const auto expect = [&](std::size_t nth) {
    if (nth < frames.size()) {
      coupling.expect(fetches_ahead(options.fetch, nth));
    }
  };
  expect(0);
  for (std::size_t nth = 0; nth < frames.size(); ++nth) {
    const std::size_t frame = frames[nth];
    log.during(Phase::waiting, [&] { coupling.receive(); });
    expect(nth + 1);
    const auto blocks = log.during(Phase::fetching, [&] { return coupling.resolve(); });
    log.during(Phase::analysis, [&] {
      const Findings findings = analyse(blocks, options.grid, range);
      coupling.look_ahead();
      const auto mid_plane = assemble_mid_plane(blocks, options.grid);
      // The fields are not needed any more: room for the simulation first, the picture then.
      coupling.finish({.frame = frame,
                       .mass_u = findings.mass_u,
                       .mass_v = findings.mass_v,
                       .min_v = findings.min_v,
                       .mean_v = findings.mean_v,
                       .max_v = findings.max_v,
                       .isosurface_cells = findings.isosurface_cells});
      coupling.look_ahead();
      char name[32];
      std::snprintf(name, sizeof name, "v_%04zu.png", frame);
      draw_frame(mid_plane, options.grid, (frame + 1) * options.every, findings, range, colors)
          .write_png(options.output / name);
    });
  }
}

}  // namespace gray_scott
