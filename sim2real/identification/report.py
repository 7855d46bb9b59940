"""A report of an identification as a web page, made of the sections of `mujoco.sysid`."""

from __future__ import annotations

from pathlib import Path

from mujoco import sysid
from mujoco.sysid.report.builder import ReportBuilder
from mujoco.sysid.report.sections.covariance import Covariance
from mujoco.sysid.report.sections.parameter_distribution import ParameterDistribution
from mujoco.sysid.report.sections.parameters import ParametersTable

from sim2real.identification.fitting import Identification


def write_report(path: Path, found: Identification) -> None:
    """Write old and new parameters, their intervals, and how they hang together.

    Raises:
        OSError: the file cannot be written.
    """
    start, best = found.problem.parameters(), found.parameters
    residuals, _, _ = found.problem.residual(best.as_vector())
    covariance, widths = sysid.calculate_intervals(residuals, found.slopes)
    builder = ReportBuilder("Servos, identified")
    builder.add_section(ParametersTable("Parameters", best, start, anchor="parameters"))
    builder.add_section(
        ParameterDistribution(
            title="Bounds and intervals",
            opt_params=best,
            initial_params=start,
            confidence_intervals=widths,
            anchor="intervals",
        )
    )
    builder.add_section(
        Covariance(
            title="Covariance and correlation",
            covariance=covariance,
            parameter_dict=best,
            anchor="covariance",
        )
    )
    builder.save(str(path))
