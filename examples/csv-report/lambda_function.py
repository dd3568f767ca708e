"""Sums a CSV of sales by region: the standard library alone."""

import csv
import io
import logging
from collections import defaultdict
from decimal import Decimal, InvalidOperation

logger = logging.getLogger()
logger.setLevel(logging.INFO)

COLUMNS = ("date", "region", "product", "quantity", "price")


def lambda_handler(event, context):
    """Event: {"csv": text}. Answer: totals by region, the best product, and the CSV of the report."""
    rows, rejected = read(event["csv"])
    logger.info("%d rows, %d rejected", len(rows), len(rejected))
    regions = defaultdict(lambda: {"rows": 0, "quantity": 0, "revenue": Decimal(0)})
    products = defaultdict(Decimal)
    for row in rows:
        revenue = row["quantity"] * row["price"]
        total = regions[row["region"]]
        total["rows"] += 1
        total["quantity"] += row["quantity"]
        total["revenue"] += revenue
        products[row["product"]] += revenue
    report = [
        {"region": region, **total, "revenue": f"{total['revenue']:.2f}"}
        for region, total in sorted(regions.items())
    ]
    return {
        "regions": report,
        "bestProduct": max(products, key=lambda product: (products[product], product)) if products else None,
        "rejectedLines": rejected,
        "csv": write(report),
    }


def read(text):
    """Rows with numbers in them, and the line numbers of those that are no rows."""
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"columns must be {', '.join(COLUMNS)}")
    rows, rejected = [], []
    for row in reader:
        try:
            rows.append({**row, "quantity": int(row["quantity"]), "price": Decimal(row["price"])})
        except (InvalidOperation, TypeError, ValueError):
            rejected.append(reader.line_num)
    return rows, rejected


def write(report):
    """The report as CSV text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ["region", "rows", "quantity", "revenue"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(report)
    return out.getvalue()
